"""Values of a network at the points of a caller: numpy in, numpy out, whatever shapes broadcast.

A tensor grid (every coordinate varies along axes of its own) of a separable network costs one matrix product: the factors are
evaluated once along each coordinate. Everything else goes through the network in chunks.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import numpy as np

from kanpde.errors import ProblemError
from kanpde.geometry import Domain

if TYPE_CHECKING:
    from torch import Tensor

    from kanpde.kan import KAN

CHUNK = 1 << 15
"""Points that go through a network at once: a few hundred MB for the largest networks."""

_ROUNDING = 1e-9  # of an interval's length; a point this far outside was meant to lie on the boundary


def locate(domain: Domain, given: Mapping[str, Any]) -> list[np.ndarray]:
    """The caller's coordinates as float64 arrays in the order of the domain, not yet broadcast.

    Points outside by rounding are moved to the boundary; on a periodic axis every point is taken back into the period.
    Raises ProblemError for a coordinate that is missing or unknown, and for points outside the domain.
    """
    names = {f"{name}_" if iskeyword(name) else name: name for name in domain.coordinates}
    names |= {name: name for name in domain.coordinates} | {f"{name}_": name for name in domain.coordinates}
    values: dict[str, np.ndarray] = {}
    for key, value in given.items():
        if key not in names:
            near = get_close_matches(key, names)
            hint = f"did you mean '{near[0]}'?" if near else None
            raise ProblemError(f"there is no coordinate '{key}'; the solution depends on {_listed(domain)}", hint=hint)
        values[names[key]] = np.asarray(value, dtype=np.float64)
    missing = [name for name in domain.coordinates if name not in values]
    if missing:
        raise ProblemError(f"a value is missing for {', '.join(missing)}: the solution depends on {_listed(domain)}")
    return [_inside(values[name], name, domain, axis) for axis, name in enumerate(domain.coordinates)]


def _listed(domain: Domain) -> str:
    return ", ".join(domain.coordinates)


def _inside(x: np.ndarray, name: str, domain: Domain, axis: int) -> np.ndarray:
    lower, upper = (float(end) for end in domain.bounds[axis])
    length = upper - lower
    if not np.isfinite(x).all():
        raise ProblemError(f"{name} must be a finite number at every point")
    if name in domain.periodic:
        outside = (x < lower) | (x > upper)
        return np.where(outside, lower + np.mod(x - lower, length), x)
    worst = x[(x < lower - _ROUNDING * length) | (x > upper + _ROUNDING * length)]
    if worst.size:
        raise ProblemError(
            f"{name} = {float(worst.flat[0]):g} is outside the domain, {lower:g} <= {name} <= {upper:g}",
            hint="the network is not trained there, and extrapolation would be noise",
        )
    return np.clip(x, lower, upper)


def evaluate(
    network: KAN,
    coordinates: list[np.ndarray],  # one array a coordinate; their shapes broadcast
    output: int = 0,
    index: tuple[int, ...] | None = None,  # how often to differentiate by each coordinate
) -> np.ndarray:  # the broadcast shape
    """One output of the network, or one partial derivative of it, at every point."""
    try:
        shape = np.broadcast_shapes(*(x.shape for x in coordinates))
    except ValueError:
        shapes = ", ".join(str(x.shape) for x in coordinates)
        raise ProblemError(f"the coordinates have shapes {shapes}, which do not broadcast") from None
    index = index or (0,) * len(coordinates)
    if 0 in shape:
        return np.empty(shape)
    axes = _own_axes(coordinates)
    if axes is not None and len(_factors(network)) == len(coordinates) and len(coordinates) > 1:
        return _on_tensor_grid(network, coordinates, index, shape, axes)
    points = np.stack([x.ravel() for x in np.broadcast_arrays(*coordinates)], -1)  # (N, d)
    return _at_points(network, points, output, index).reshape(shape)


def smoothness(network: KAN, axis: int) -> int | None:
    """How many continuous derivatives the network has along a coordinate: k - 1 for splines of degree k, None if all."""
    edges = [network.factors[axis]] if network.factors else network.edges
    degrees = [group.degree for group in edges if group.basis == "bspline"]
    return max(min(degrees) - 1, 0) if degrees else None


def _factors(network: KAN) -> tuple[Any, ...]:
    """The univariate factors of a separable network with one output, else nothing."""
    return network.factors if network.outputs == 1 else ()


def _own_axes(coordinates: list[np.ndarray]) -> list[set[int]] | None:
    """Which axes of the result each coordinate varies along; None if two of them share one."""
    dimension = max(x.ndim for x in coordinates)
    axes = [{dimension - x.ndim + i for i, size in enumerate(x.shape) if size > 1} for x in coordinates]
    shared = sum(len(own) for own in axes) > len(set().union(*axes))
    return None if shared else axes


def _on_tensor_grid(
    network: KAN, coordinates: list[np.ndarray], index: tuple[int, ...], shape: tuple[int, ...], axes: list[set[int]]
) -> np.ndarray:
    """sum_j prod_i a_ij(x_i), every a_ij evaluated only along its own coordinate."""
    import torch

    dimension = len(shape)
    operands: list[Any] = []
    with torch.no_grad():
        for edges, x, order, own in zip(_factors(network), coordinates, index, axes, strict=True):
            values = edges.values(_tensor(network, x.ravel()), order)[order]  # (R, N_i)
            kept = sorted(own)
            values = values.reshape(values.shape[0], *(shape[axis] for axis in kept))
            operands += [values, [dimension, *kept]]
        return _numpy(torch.einsum(*operands, sorted(set().union(*axes)))).reshape(shape)


def _at_points(network: KAN, points: np.ndarray, output: int, index: tuple[int, ...]) -> np.ndarray:  # (N, d) -> (N,)
    import torch

    values = []
    with torch.no_grad():
        for start in range(0, len(points), CHUNK):
            x = _tensor(network, points[start : start + CHUNK])  # (n, d)
            y = network.jet(x, [index])[index][output] if any(index) else network(x)[:, output]  # (n,)
            values.append(_numpy(y))
    return np.concatenate(values)


def _tensor(network: KAN, x: np.ndarray) -> Tensor:
    import torch

    parameter = next(iter(network.parameters()))
    return torch.as_tensor(np.ascontiguousarray(x), dtype=parameter.dtype, device=parameter.device)


def _numpy(values: Tensor) -> np.ndarray:
    return values.detach().to("cpu").double().numpy()
