"""The sum of a group's edges over its inputs as a product of matrices, y = W Phi(x), and its gradients.

Phi has a row for every input and every function of its basis, a column for every point. It is never whole: it is made for as many
points as the cache holds, multiplied, and made again; the backward pass makes it once more, which costs less than to keep it.
Nothing here is differentiable by autograd: see ``kan/forward.py``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from kanpde.kan.base import BASE_FUNCTIONS
from kanpde.kan.columns import Columns, Sweep, TableColumns
from kanpde.kan.powers import PowerColumns
from kanpde.kan.recurrence import RecurrenceColumns

CHUNK = 2**18
"""Numbers of Phi made at once on the host: 1 to 2 MB, as a core's own cache holds (half or twice as many: 5 % more)."""
LARGE_CHUNK = 2**26  # elsewhere a chunk is for the sake of memory only: half a gigabyte
FUSED: dict[str | None, Callable[[Tensor], Tensor]] = {
    "silu": torch.nn.functional.silu,
    "tanh": torch.tanh,
}  # base functions that torch evaluates in one pass


@dataclass(frozen=True)
class Kind:
    """What a group of edges is made of."""

    degree: int
    basis: str
    base: str | None

    def base_values(self, z: Tensor, order: int) -> Tensor:  # (n_in, N) -> (order + 1, n_in, N)
        """The base function of a group that has one, and its derivatives."""
        assert self.base is not None
        return BASE_FUNCTIONS[self.base](z, order)


def product(x: Tensor, breaks: Tensor, coefficients: Tensor, weight: Tensor | None, kind: Kind) -> Tensor:
    """(n_in, N), (n_in, G + 1), (n_in, n_out, K), (n_in, n_out) -> (n_out, N)."""
    columns = _columns(breaks, kind)
    w, constant = columns.weights(coefficients)
    w = _joined(w, weight)  # (n_out, T + 1, n_in)
    y = empty_along(x, len(w))
    wide, count = w.flatten(1), columns.count
    for begin, z, values, sweep in _sweeps(x, columns, w.shape[1], False):
        sweep.fill(z)
        if weight is not None:
            values[count] = FUSED[kind.base](z) if kind.base in FUSED else kind.base_values(z, 0)[0]
        part = values.flatten(0, 1)
        # Through a small product of its own: BLAS is slow where the rows of a product are not contiguous.
        y[:, begin : begin + z.shape[1]] = wide @ part if constant is None else torch.addmm(constant[:, None], wide, part)
    return y


def pull(
    g: Tensor,  # (n_out, N)
    x: Tensor,
    breaks: Tensor,
    coefficients: Tensor,
    weight: Tensor | None,
    kind: Kind,
    by_x: bool = True,
    by_weights: bool = True,
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """The gradients of <g, y> by x, by the coefficients and by the weight; None for what is not asked for."""
    columns = _columns(breaks, kind)
    count, slopes = columns.count, columns.slopes
    rows = count + (weight is not None)
    dx = empty_along(x, len(x)) if by_x else None
    dw = x.new_zeros(coefficients.shape[1], rows * len(x)) if by_weights else None
    back = _joined(columns.slope_weights(coefficients), weight).flatten(1).T.contiguous() if by_x else x
    for begin, z, values, sweep in _sweeps(x, columns, rows, by_x):
        part = g[:, begin : begin + z.shape[1]].contiguous()
        sweep.fill(z)
        base = None if weight is None else kind.base_values(z, int(by_x))
        if dw is not None:
            if base is not None:
                values[count] = base[0]
            dw.addmm_(part, values.flatten(0, 1).T)
        if dx is not None:
            folded = (back @ part).view(-1, *z.shape)  # (S + 1, n_in, m)
            sweep.weigh(folded[:slopes])
            if base is not None:
                folded[slopes].mul_(base[1])
            dx[:, begin : begin + z.shape[1]] = folded.sum(0)
    if dw is None:
        return dx, None, None
    split = dw.view(-1, rows, len(x))  # (n_out, T + 1, n_in)
    dc = columns.pull(split[:, :count], g.sum(1))
    return dx, dc.contiguous(), None if weight is None else split[:, count].T.contiguous()


def empty_along(x: Tensor, rows: int) -> Tensor:  # (n, N) -> (rows, N)
    """Memory that runs along the same axis: what comes in as a view of (N, n) goes out as one of (N, rows)."""
    return x.new_empty(x.shape[1], rows).T if across(x) else x.new_empty(rows, x.shape[1])


def across(x: Tensor) -> bool:
    """Whether the numbers of one point lie side by side."""
    return x.stride(0) == 1 and len(x) > 1


def _sweeps(x: Tensor, columns: Columns, rows: int, derivatives: bool) -> Iterator[tuple[int, Tensor, Tensor, Sweep]]:
    """For each chunk of the points: where it begins, the points (n_in, m), the memory of Phi (rows, n_in, m), and its sweep."""
    size = max(1, (CHUNK if x.device.type == "cpu" else LARGE_CHUNK) // max(1, rows * len(x)))
    values, sweep = x, None
    for begin in range(0, x.shape[1], size):
        z = x[:, begin : begin + size].contiguous()
        if sweep is None or values.shape[2] != z.shape[1]:
            values = x.new_empty(rows, *z.shape)
            sweep = columns.sweep(values[: columns.count], derivatives)
        yield begin, z, values, sweep


def _joined(w: Tensor, weight: Tensor | None) -> Tensor:  # (n_out, T, n_in), (n_in, n_out)
    """With the weights of the base function as a further row: contiguous."""
    return w.contiguous() if weight is None else torch.cat([w, weight.T[:, None]], 1)


_KEPT: OrderedDict[tuple[int, int, str], tuple[Tensor, int, Columns]] = OrderedDict()
KEPT_MOST = 256  # groups of edges whose columns are remembered: more than networks have


def _columns(breaks: Tensor, kind: Kind) -> Columns:
    """The functions that evaluate the edges fastest; what takes a look at the break points is kept until they change."""
    if kind.basis != "bspline" or kind.degree < 2:
        return TableColumns(breaks, kind.degree, kind.basis)
    if breaks.is_meta:
        return RecurrenceColumns.of(breaks, kind.degree)
    key = breaks.data_ptr(), kind.degree, str(breaks.device)
    kept = _KEPT.get(key)
    if kept is not None and _unchanged(breaks, *kept[:2]):
        return kept[2]
    columns: Columns = PowerColumns.of(breaks, kind.degree) or RecurrenceColumns.of(breaks, kind.degree)
    # On the host a copy, to compare with; elsewhere the tensor itself, so that its memory is given to nobody else.
    _KEPT[key] = breaks.clone() if breaks.device.type == "cpu" else breaks, _version(breaks), columns
    if len(_KEPT) > KEPT_MOST:
        _KEPT.popitem(last=False)
    return columns


def _unchanged(breaks: Tensor, old: Tensor, version: int) -> bool:
    """Whether these are the break points of before: compared on the host; elsewhere, where a comparison would wait for the
    device, known by their version."""
    if breaks.dtype != old.dtype or breaks.shape != old.shape or breaks.stride() != old.stride():
        return False
    return torch.equal(breaks, old) if breaks.device.type == "cpu" else version == _version(breaks) != -1


def _version(breaks: Tensor) -> int:
    return -1 if breaks.is_inference() else breaks._version  # tensors of inference mode do not count their changes
