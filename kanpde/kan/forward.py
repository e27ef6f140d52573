"""The values of a network without derivatives, as fast as the machine multiplies matrices.

The edges of a group are a product y = W Phi(x): a row of Phi for every input and every function of its basis, a column for every
point. Phi is never whole: it is made for as many points as the cache holds, multiplied, and made again; the backward pass makes
it once more, which costs less than to keep it. Derivatives of a derivative take the plain formulas, of any order.
Where ``kan/jets.py`` carries all derivatives by the coordinates at once, this file is for training on data and for predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from kanpde.kan.base import BASE_FUNCTIONS
from kanpde.kan.bases import BASES, table
from kanpde.kan.columns import Columns, TableColumns
from kanpde.kan.powers import PowerColumns
from kanpde.kan.recurrence import RecurrenceColumns

if TYPE_CHECKING:
    from kanpde.kan.edges import Edges
    from kanpde.kan.layers import Layer

CHUNK = {"cpu": 2**18}
"""Numbers of Phi that are made at once, by the kind of device: 1 to 2 MB, what a core's own cache holds (measured: half or twice
as many cost 5 % more)."""
LARGE_CHUNK = 2**26  # elsewhere a chunk is for the sake of memory only


def group_values(edges: Edges, x: Tensor) -> Tensor:  # (n_in, N) -> (n_out, N)
    """The sum over the inputs of a group of edges, differentiable by x and by the parameters any number of times."""
    if _autocast(x):  # splines in half precision would lose the points' place on the grid
        with torch.autocast(x.device.type, enabled=False):
            return group_values(edges, x.to(edges.coefficients.dtype))
    coefficients: Tensor = edges.coefficients
    weight: Tensor | None = edges.weight
    if edges.mask is not None:
        coefficients = coefficients * edges.mask[:, :, None]
        weight = None if weight is None else weight * edges.mask
    if torch.compiler.is_compiling():  # a compiler fuses the plain formula by itself
        return _plain(x, edges.breaks, coefficients, weight, edges)
    result: Tensor = _Product.apply(x, edges.breaks, coefficients, weight, edges)
    return result


def layer_values(layer: Layer, x: Tensor) -> Tensor:  # (nodes before, N) -> (nodes, N)
    """The nodes of a layer: the groups and the symbolic edges added up at the subnodes, products after."""
    total: Tensor | None = None
    for group, source, (first, last) in zip(layer.edges, layer.sources, layer.targets, strict=True):
        y = group_values(group, _rows(x, source))
        if (first, last) != (0, layer.subnodes):
            y = torch.nn.functional.pad(y, (0, 0, first, layer.subnodes - last))
        total = y if total is None else total + y
    if layer.symbolic is not None:
        y = layer.symbolic(x)
        total = y if total is None else total + y
    assert total is not None  # a layer has edges
    if not layer.products:
        return total
    factors = total[layer.sums :].unflatten(0, (layer.arity, layer.products))
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return torch.cat([total[: layer.sums], product])


def _rows(x: Tensor, source: Sequence[int]) -> Tensor:
    if tuple(source) == tuple(range(len(x))):
        return x
    if len(source) == 1:
        return x[source[0] : source[0] + 1]
    return x[list(source)]


class _Product(torch.autograd.Function):
    """y = W Phi(x) in chunks of the points."""

    @staticmethod
    def forward(x: Tensor, breaks: Tensor, coefficients: Tensor, weight: Tensor | None, edges: Edges) -> Tensor:
        columns = _columns(edges, breaks)
        w, constant = columns.weights(coefficients)
        w = _joined(w, weight)  # (n_out, T + 1, n_in)
        y = _empty_like(x, len(w))
        wide, count = w.flatten(1), columns.count
        for begin, z, values, sweep in _sweeps(x, columns, w.shape[1], False):
            sweep.fill(z)
            if weight is not None:
                values[count] = _base(edges, z, 0)[0]
            part = values.flatten(0, 1)
            # Through a small product of its own: BLAS is slow where the rows of a product are not contiguous.
            y[:, begin : begin + z.shape[1]] = wide @ part if constant is None else torch.addmm(constant[:, None], wide, part)
        return y

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        *tensors, ctx.edges = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        (g,) = gradients
        x, breaks, coefficients, weight = ctx.saved_tensors
        if _autocast(x):
            with torch.autocast(x.device.type, enabled=False):
                return _Product.backward(ctx, g)
        if torch.is_grad_enabled():  # somebody wants to differentiate once more
            dx, dc, dw = _plain_pull(g, x, breaks, coefficients, weight, ctx.edges)
            return dx, None, dc, dw, None
        found = _pull(g, x, breaks, coefficients, weight, ctx.edges, ctx.needs_input_grad)
        return found[0], None, *found[1:], None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        dx, _, dc, dw, _ = tangents
        x, breaks, coefficients, weight = ctx.saved_tensors
        dy = _plain_push(dx, dc, dw, x, breaks, coefficients, weight, ctx.edges)
        return dy.T.contiguous().T if _across(x) else dy  # laid out as y is

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], x: Tensor, *others: Any) -> tuple[Tensor, int]:
        """More points if only they are many; else one network after the other."""
        if in_dims[0] is not None and all(dim is None for dim in in_dims[1:]):
            many = x.movedim(in_dims[0], 1)  # (n_in, B, N)
            y: Tensor = _Product.apply(many.flatten(1), *others)
            return y.unflatten(1, many.shape[1:]), 1
        results = []
        for n in range(info.batch_size):
            picked = [a if dim is None else a.select(dim, n) for a, dim in zip((x, *others), in_dims, strict=True)]
            results.append(_Product.apply(*picked))
        return torch.stack(results), 0


def _pull(
    g: Tensor,  # (n_out, N)
    x: Tensor,
    breaks: Tensor,
    coefficients: Tensor,
    weight: Tensor | None,
    edges: Edges,
    needed: Sequence[bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """The gradients by x, coefficients and weight of y = W Phi(x), in chunks."""
    columns = _columns(edges, breaks)
    by_x, by_w = needed[0], needed[2] or needed[3]
    count, slopes = columns.count, columns.slopes
    rows = count + (weight is not None)
    dx = _empty_like(x, len(x)) if by_x else None
    dw = x.new_zeros(coefficients.shape[1], rows * len(x)) if by_w else None
    back = _joined(columns.slope_weights(coefficients), weight).flatten(1).T.contiguous() if by_x else x
    products = x
    for begin, z, values, sweep in _sweeps(x, columns, rows, by_x):
        part = g[:, begin : begin + z.shape[1]].contiguous()
        sweep.fill(z)
        base = None if weight is None else _base(edges, z, int(by_x))
        if dw is not None:
            if base is not None:
                values[count] = base[0]
            dw.addmm_(part, values.flatten(0, 1).T)
        if dx is not None:
            if products.shape[-1] != z.shape[1] or products is x:
                products = x.new_empty(back.shape[0], z.shape[1])
            torch.mm(back, part, out=products)
            folded = products.view(-1, *z.shape)  # (S + 1, n_in, m)
            sweep.weigh(folded[:slopes])
            if base is not None:
                folded[slopes].mul_(base[1])
            dx[:, begin : begin + z.shape[1]] = folded.sum(0)
    if dw is None:
        return dx, None, None
    split = dw.view(-1, rows, len(x))  # (n_out, T + 1, n_in)
    dc = columns.pull(split[:, :count], g.sum(1))
    return dx, dc.contiguous(), None if weight is None else split[:, count].T.contiguous()


def _sweeps(x: Tensor, columns: Columns, rows: int, derivatives: bool) -> Any:
    """For each chunk of the points: where it begins, the points (n_in, m), the memory of Phi (rows, n_in, m), and its sweep."""
    size = max(1, CHUNK.get(x.device.type, LARGE_CHUNK) // max(1, rows * len(x)))
    values = x.new_empty(0)
    for begin in range(0, x.shape[1], size):
        z = x[:, begin : begin + size].contiguous()
        if values.shape[-1] != z.shape[1]:
            values = x.new_empty(rows, *z.shape)
            sweep = columns.sweep(values[: columns.count], derivatives)
        yield begin, z, values, sweep


def _joined(w: Tensor, weight: Tensor | None) -> Tensor:  # (n_out, T, n_in), (n_in, n_out)
    """With the weights of the base function as a further row: contiguous."""
    return w.contiguous() if weight is None else torch.cat([w, weight.T[:, None]], 1)


def _empty_like(x: Tensor, rows: int) -> Tensor:  # (n, N) -> (rows, N)
    """Memory that runs along the same axis: what comes in as a view of (N, n) goes out as one of (N, rows)."""
    return x.new_empty(x.shape[1], rows).T if _across(x) else x.new_empty(rows, x.shape[1])


def _across(x: Tensor) -> bool:
    return x.stride(0) == 1 and len(x) > 1


def _autocast(x: Tensor) -> bool:
    kind = x.device.type
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)


def _base(edges: Edges, z: Tensor, order: int) -> Tensor:
    assert edges.base is not None  # who has a weight has a base function
    return BASE_FUNCTIONS[edges.base](z, order)


_KEPT: WeakKeyDictionary[Edges, tuple[Tensor, int, Columns]] = WeakKeyDictionary()


def _columns(edges: Edges, breaks: Tensor) -> Columns:
    """The functions that evaluate the edges fastest; what takes a look at the break points is kept until they change."""
    if edges.basis != "bspline" or edges.degree < 2:
        return TableColumns(breaks, edges.degree, edges.basis)
    kept = _KEPT.get(edges)
    if kept is not None and _unchanged(breaks, *kept[:2]):
        return kept[2]
    powers = None if breaks.is_meta else PowerColumns.of(breaks, edges.degree)
    columns: Columns = powers or RecurrenceColumns.of(breaks, edges.degree)
    on_host = breaks.device.type == "cpu"
    _KEPT[edges] = breaks.detach().clone() if on_host else breaks.detach(), _version(breaks), columns
    return columns


def _unchanged(breaks: Tensor, old: Tensor, version: int) -> bool:
    """Whether these are the break points of before: compared on the host, known by their place and version elsewhere, where a
    comparison would wait for the device."""
    if breaks.dtype != old.dtype or breaks.device != old.device or breaks.shape != old.shape:
        return False
    if breaks.device.type == "cpu":
        return torch.equal(breaks, old)
    return breaks.data_ptr() == old.data_ptr() and version == _version(breaks) != -1


def _version(breaks: Tensor) -> int:
    return -1 if breaks.is_inference() else breaks._version  # tensors of inference mode do not count their changes


def _plain(x: Tensor, breaks: Tensor, coefficients: Tensor, weight: Tensor | None, edges: Edges) -> Tensor:
    """y = W Phi(x), with Phi whole."""
    phi = table(x, breaks, BASES[edges.basis], edges.degree)[0]  # (n_in, K, N)
    y = coefficients.transpose(0, 1).flatten(1) @ phi.flatten(0, 1)
    return y if weight is None else y + weight.T @ _base(edges, x, 0)[0]


def _plain_push(
    dx: Tensor | None,  # (n_in, N)
    dc: Tensor | None,
    dw: Tensor | None,
    x: Tensor,
    breaks: Tensor,
    coefficients: Tensor,
    weight: Tensor | None,
    edges: Edges,
) -> Tensor:  # (n_out, N)
    """The derivative of y along a direction of its arguments."""
    phi = table(x, breaks, BASES[edges.basis], edges.degree, 1)
    y = x.new_zeros(coefficients.shape[1], x.shape[1])
    base = None if weight is None else _base(edges, x, 1)
    if dx is not None:
        y = y + coefficients.transpose(0, 1).flatten(1) @ (phi[1] * dx[:, None]).flatten(0, 1)
        if weight is not None and base is not None:
            y = y + weight.T @ (base[1] * dx)
    if dc is not None:
        y = y + dc.transpose(0, 1).flatten(1) @ phi[0].flatten(0, 1)
    if dw is not None and base is not None:
        y = y + dw.T @ base[0]
    return y


def _plain_pull(
    g: Tensor,  # (n_out, N)
    x: Tensor,
    breaks: Tensor,
    coefficients: Tensor,
    weight: Tensor | None,
    edges: Edges,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """The gradients by x, coefficients and weight, differentiable in all arguments."""
    phi = table(x, breaks, BASES[edges.basis], edges.degree, 1)  # (2, n_in, K, N)
    inputs, outputs, size = coefficients.shape
    back = coefficients.transpose(0, 1).flatten(1).T @ g  # (n_in * K, N)
    dx = (back.view(inputs, size, -1) * phi[1]).sum(1)
    dc = (g @ phi[0].flatten(0, 1).T).view(outputs, inputs, size).transpose(0, 1).contiguous()
    if weight is None:
        return dx, dc, None
    base = _base(edges, x, 1)
    return dx + (weight @ g) * base[1], dc, base[0] @ g.T
