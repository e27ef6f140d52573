"""The points that a network is fitted to: checked when they come in, so that training meets finite numbers only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

SHOWN = 4  # names that a message lists before it is cut


@dataclass(frozen=True, eq=False)
class Data:
    """Points ``x`` (N, d) with values ``y`` (N, m), in the units of the user, and what the columns are called.

    ``domain`` (d, 2) holds the least and the largest value of each input; a constant input gets an interval around it.
    """

    x: Tensor  # (N, d)
    y: Tensor  # (N, m)
    names: tuple[str, ...]
    targets: tuple[str, ...]
    domain: Tensor  # (d, 2)

    @classmethod
    def of(
        cls,
        X: Any,
        y: Any,
        names: Sequence[str] | None = None,
        targets: Sequence[str] | None = None,
        domain: Any = None,  # (d, 2)
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
    ) -> Data:
        """Data from arrays, tensors, lists or data frames: ``X`` (N, d) or (N,), ``y`` (N,) or (N, m).

        Names come from a data frame's columns if none are given. ``domain`` is the range of each input where it is known to be
        wider than that of the points. Raises ValueError, which says what to write instead.
        """
        if y is None:
            raise ValueError("y is missing: give the value that belongs to each row of X, as y of shape (N,) or (N, m)")
        inputs, values = _matrix(X, "X"), _matrix(y, "y")
        names, targets = _names(names, X, inputs, "x", "names"), _names(targets, y, values, "y", "targets")
        if len(inputs) != len(values):
            hint = "; X needs a row for each point, X.T has one" if len(values) == inputs.shape[1] else ""
            raise ValueError(f"X has {len(inputs)} points and y has {len(values)}; each point needs one value{hint}")
        if len(inputs) < 2:
            raise ValueError(f"there {'is one point' if len(inputs) else 'are no points'}; a fit needs at least two")
        _refuse_not_finite(inputs, "X", names)
        _refuse_not_finite(values, "y", targets)
        if not inputs.shape[1] or not values.shape[1]:
            raise ValueError("X and y need at least one column each")
        x = torch.as_tensor(inputs).to(dtype=dtype, device=device)
        targeted = torch.as_tensor(values).to(dtype=dtype, device=device)
        if not bool(torch.isfinite(x).all() and torch.isfinite(targeted).all()):
            raise ValueError("some numbers are too large for float32; use dtype='float64', or other units")
        return cls(x, targeted, names, targets, _domain(x, domain, names))

    @property
    def points(self) -> int:
        """The number N of points."""
        return self.x.shape[0]

    @property
    def inputs(self) -> int:
        """The number d of inputs."""
        return self.x.shape[1]

    @property
    def outputs(self) -> int:
        """The number m of values at each point."""
        return self.y.shape[1]

    @property
    def scale(self) -> Tensor:  # (m,)
        """What errors are measured by: the standard deviation of each column of y, or where it is constant, its size, or one."""
        size = self.y.abs().amax(0)
        safe = torch.where(size > 0, size, torch.ones_like(size))
        spread = (self.y / safe).std(0, unbiased=False) * safe  # no overflow for values near the largest number
        return torch.where(spread > 8 * torch.finfo(self.y.dtype).eps * size, spread, safe)

    @property
    def constant(self) -> tuple[str, ...]:
        """The inputs that are the same at every point: nothing can be learned about them."""
        return tuple(name for name, column in zip(self.names, self.x.T, strict=True) if bool((column == column[0]).all()))

    @property
    def conflicts(self) -> float:
        """The root mean square, in units of ``scale``, of what points at the same place differ by: no function fits better."""
        places, which = torch.unique(self.x, dim=0, return_inverse=True)
        if len(places) == self.points:
            return 0.0
        relative = self.y / self.scale
        count = torch.bincount(which, minlength=len(places)).to(self.y)
        mean = self.y.new_zeros(len(places), self.outputs).index_add_(0, which, relative) / count[:, None]
        return float((relative - mean[which]).square().mean().sqrt())

    def part(self, which: Tensor) -> Data:  # (n,) int64
        """Some of the points, with the domain of all."""
        return Data(self.x[which], self.y[which], self.names, self.targets, self.domain)

    def split(self, fraction: float, generator: torch.Generator) -> tuple[Data, Data | None]:
        """Points to train on and points held back, drawn at random; None are held back of fewer than ten.

        ``generator`` lives on the CPU, so that devices agree. Raises ValueError unless 0 <= fraction < 1.
        """
        if not 0 <= fraction < 1:
            raise ValueError(f"validation is the share of the points that are held back, at least 0 and below 1; got {fraction}")
        held = round(fraction * self.points)
        if self.points < 10 or held == 0:
            return self, None
        order = torch.randperm(self.points, generator=generator).to(self.x.device)
        return self.part(order[held:].sort().values), self.part(order[:held].sort().values)

    def joined(self, other: Data | None) -> Data:
        """These points and others of the same columns."""
        if other is None:
            return self
        return Data(torch.cat([self.x, other.x]), torch.cat([self.y, other.y]), self.names, self.targets, self.domain)

    def to(self, dtype: torch.dtype, device: torch.device | str) -> Data:
        """The same points as other numbers, or elsewhere."""
        x, y, domain = (t.to(dtype=dtype, device=device) for t in (self.x, self.y, self.domain))
        return Data(x, y, self.names, self.targets, domain)


def _matrix(given: Any, what: str) -> np.ndarray:  # (N, columns) float64
    if isinstance(given, torch.Tensor):
        given = given.detach().cpu().numpy()
    if hasattr(given, "toarray"):
        raise ValueError(f"{what} is a sparse matrix; a network needs all numbers: give {what}.toarray()")
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"the rows of {what} have different lengths; each point needs the same number of values") from error
    if array.dtype.kind == "c":
        raise ValueError(f"{what} is complex; give real and imaginary parts as columns of their own")
    if array.dtype.kind not in "fiub":
        try:
            array = array.astype(float)
        except (TypeError, ValueError):
            raise ValueError(f"{what} holds something else than numbers; give words as numbers, one column a word, say") from None
    if array.ndim == 0 or array.ndim > 2:
        wanted = "(N, d), a row for each point" if what == "X" else "(N,) or (N, m), a value or a row for each point"
        raise ValueError(f"{what} has shape {array.shape}; it should be {wanted}")
    return array.reshape(len(array), -1 if array.size else 0 if array.ndim == 1 else array.shape[1]).astype(np.float64)


def _names(given: Sequence[str] | None, frame: Any, array: np.ndarray, letter: str, word: str) -> tuple[str, ...]:
    count = array.shape[1]
    if given is not None:
        if isinstance(given, str) or len(given) != count:
            raise ValueError(f"{word} needs {count} name{'s' * (count != 1)}, one for each column; got {given!r}")
        names = tuple(str(name) for name in given)
    else:
        columns = getattr(frame, "columns", None)
        single = getattr(frame, "name", None)
        if columns is not None and len(columns) == count:
            names = tuple(str(name) for name in columns)
        elif count == 1 and letter == "y":
            names = (single if isinstance(single, str) else "y",)
        else:
            names = tuple(f"{letter}{n}" for n in range(1, count + 1))
    if len(set(names)) < count:
        raise ValueError(f"two columns have the same name in {', '.join(names[:SHOWN])}; {word} must differ")
    return names


def _refuse_not_finite(array: np.ndarray, what: str, names: tuple[str, ...]) -> None:
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        row, column = bad[0]
        rows = len(np.unique(bad[:, 0]))
        raise ValueError(
            f"{what} is not finite in {rows} row{'s' * (rows != 1)}, first in row {row}, column '{names[column]}' "
            f"({array[row, column]}); leave these rows out, as X[keep], y[keep] with keep = np.isfinite(...)"
        )


def _domain(x: Tensor, given: Any, names: tuple[str, ...]) -> Tensor:  # (d, 2)
    if given is not None:
        domain = torch.as_tensor(np.asarray(given, dtype=float)).to(x)
        if domain.shape != (x.shape[1], 2) or not bool((domain[:, 0] < domain[:, 1]).all()):
            raise ValueError(f"the domain needs [least, largest] for each of {', '.join(names[:SHOWN])}; got {given}")
        outside = (x < domain[:, 0]) | (x > domain[:, 1])
        if bool(outside.any()):
            name = names[int(outside.any(0).nonzero()[0])]
            raise ValueError(f"points lie outside the domain along '{name}'; widen it, or leave it out")
        return domain
    lower, upper = x.amin(0), x.amax(0)
    size = torch.maximum(lower.abs(), upper.abs())
    least = 64 * torch.finfo(x.dtype).eps * size  # an interval that a grid can divide
    room = torch.where(upper - lower > least, torch.zeros_like(size), 0.5 * torch.where(size > 0, size, torch.ones_like(size)))
    domain = torch.stack([lower - room, upper + room], 1)
    if not all(math.isfinite(length) for length in domain.diff(dim=1).flatten().tolist()):
        raise ValueError("the range of an input is larger than the largest number; use other units")
    return domain
