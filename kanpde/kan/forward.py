"""The values of a network without derivatives, as fast as the machine multiplies matrices.

Where ``kan/jets.py`` carries all derivatives by the coordinates at once, this is for training on data and for predictions. Still
the values can be differentiated any number of times: the first derivatives come from ``kan/product.py`` in chunks, the second
from formulas in which autograd knows every operation. ``torch.func`` and forward mode are served, and a compiler sees a single
operator for each group of edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from kanpde.kan.bases import BASES, table
from kanpde.kan.product import Kind, across, empty_along, product, pull

if TYPE_CHECKING:
    from kanpde.kan.edges import Edges
    from kanpde.kan.layers import Layer


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
    result: Tensor
    if torch.compiler.is_compiling():
        result = compiled_product(x, edges.breaks, coefficients, weight, edges.degree, edges.basis, edges.base)
    else:
        kind = Kind(edges.degree, edges.basis, edges.base)
        result = _Product.apply(x, edges.breaks, coefficients, weight, kind)
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
    nodes = factors[0]
    for factor in factors[1:]:
        nodes = nodes * factor
    return torch.cat([total[: layer.sums], nodes])


def _rows(x: Tensor, source: Sequence[int]) -> Tensor:
    if tuple(source) == tuple(range(len(x))):
        return x
    if len(source) == 1:
        return x[source[0] : source[0] + 1]
    return x[list(source)]


def _autocast(x: Tensor) -> bool:
    kind = x.device.type
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)


class _Product(torch.autograd.Function):
    """``product`` with its derivatives; arguments x, breaks, coefficients, weight, kind."""

    @staticmethod
    def forward(x: Tensor, breaks: Tensor, coefficients: Tensor, weight: Tensor | None, kind: Kind) -> Tensor:
        return product(x, breaks, coefficients, weight, kind)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        *tensors, ctx.kind = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        need = ctx.needs_input_grad
        dx, dc, dw = _Pull.apply(gradients[0], *ctx.saved_tensors, ctx.kind, need[0], need[2] or need[3])
        return dx, None, dc, dw, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        dx, _, dc, dw, _ = tangents
        x, breaks, coefficients, weight = ctx.saved_tensors
        dy = _push((dx, dc, dw), x, breaks, coefficients, weight, ctx.kind)
        return dy.T.contiguous().T if across(x) else dy.contiguous()  # laid out as y is

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], x: Tensor, *others: Any) -> tuple[Tensor, int]:
        """More points if only they are many; else one network after the other."""
        if in_dims[0] is not None and all(dim is None for dim in in_dims[1:]):
            many = x.movedim(in_dims[0], 1)  # (n_in, B, N)
            y: Tensor = _Product.apply(many.flatten(1), *others)
            return y.unflatten(1, many.shape[1:]), 1
        return torch.stack([_Product.apply(*one) for one in _one_by_one(info, in_dims, (x, *others))]), 0


class _Pull(torch.autograd.Function):
    """``pull`` with its derivatives; arguments g, x, breaks, coefficients, weight, kind, by_x, by_weights."""

    @staticmethod
    def forward(g: Tensor, x: Tensor, *others: Any) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        if _autocast(x):
            with torch.autocast(x.device.type, enabled=False):
                return pull(g, x, *others)
        return pull(g, x, *others)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        *tensors, ctx.kind, ctx.by_x, ctx.by_weights = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *directions: Any) -> tuple[Tensor | None, ...]:
        """<t, pull(g)> = <J t, g>: by g it is J t, by the rest what the second derivatives of y say."""
        g, x, breaks, coefficients, weight = ctx.saved_tensors
        dx, dc, dw = _bend(directions, g, x, breaks, coefficients, weight, ctx.kind)
        dg = _push(directions, x, breaks, coefficients, weight, ctx.kind)
        return dg, dx, None, dc, dw, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        dg, dx, _, dc, dw, *_ = tangents
        g, x, breaks, coefficients, weight = ctx.saved_tensors
        bent = list(_bend((dx, dc, dw), g, x, breaks, coefficients, weight, ctx.kind))
        if dg is not None:
            straight = _Pull.apply(dg, x, breaks, coefficients, weight, ctx.kind, True, True)
            bent = [a if b is None else b if a is None else a + b for a, b in zip(bent, straight, strict=True)]
        bx, bc, bw = bent
        bx = None if bx is None else bx.T.contiguous().T if across(x) else bx.contiguous()
        return (bx if ctx.by_x else None), *((bc, bw) if ctx.by_weights else (None, None))

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
        """By x alone, more points if only they and the weights of the outputs are many; else one gradient after the other."""
        if all(dim is None for dim in in_dims[2:]) and not arguments[-1]:
            g, x = (
                a.unsqueeze(1).expand(-1, info.batch_size, -1) if dim is None else a.movedim(dim, 1)
                for a, dim in zip(arguments[:2], in_dims[:2], strict=True)
            )
            dx = _Pull.apply(g.flatten(1), x.flatten(1), *arguments[2:])[0]
            return (dx.unflatten(1, x.shape[1:]), None, None), (1, None, None)
        found = zip(*(_Pull.apply(*one) for one in _one_by_one(info, in_dims, arguments)), strict=True)
        stacked = [None if parts[0] is None else torch.stack(parts) for parts in found]
        return tuple(stacked), tuple(None if part is None else 0 for part in stacked)


def _one_by_one(info: Any, in_dims: tuple[int | None, ...], arguments: Sequence[Any]) -> list[list[Any]]:
    pairs = list(zip(arguments, in_dims, strict=True))
    return [[a if dim is None else a.select(dim, n) for a, dim in pairs] for n in range(info.batch_size)]


def _push(
    direction: Sequence[Tensor | None],  # of x (n_in, N), coefficients (n_in, n_out, K) and weight (n_in, n_out)
    x: Tensor,
    breaks: Tensor,
    coefficients: Tensor,
    weight: Tensor | None,
    kind: Kind,
) -> Tensor:  # (n_out, N)
    """The derivative of y along a direction of its arguments; autograd knows how to differentiate it further."""
    dx, dc, dw = direction
    phi = table(x, breaks, BASES[kind.basis], kind.degree, 1)  # (2, n_in, K, N)
    base = None if weight is None else kind.base_values(x, 1)
    y = x.new_zeros(coefficients.shape[1], x.shape[1])
    if dx is not None:
        y = y + coefficients.transpose(0, 1).flatten(1) @ (phi[1] * dx[:, None]).flatten(0, 1)
        if weight is not None and base is not None:
            y = y + weight.T @ (base[1] * dx)
    if dc is not None:
        y = y + dc.transpose(0, 1).flatten(1) @ phi[0].flatten(0, 1)
    if dw is not None and base is not None:
        y = y + dw.T @ base[0]
    return y


def _bend(
    direction: Sequence[Tensor | None],
    g: Tensor,  # (n_out, N)
    x: Tensor,
    breaks: Tensor,
    coefficients: Tensor,
    weight: Tensor | None,
    kind: Kind,
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The second derivatives of <g, y> along a direction: by x, coefficients and weight."""
    dx, dc, dw = direction
    phi = table(x, breaks, BASES[kind.basis], kind.degree, 2)  # (3, n_in, K, N)
    base = None if weight is None else kind.base_values(x, 2)
    inputs, _, size = coefficients.shape

    def back(c: Tensor) -> Tensor:  # (n_in, n_out, K) -> (n_in, K, N)
        return (c.transpose(0, 1).flatten(1).T @ g).unflatten(0, (inputs, size))

    by_x = torch.zeros_like(x)
    by_c = by_w = None
    if dx is not None:
        by_x = by_x + (back(coefficients) * phi[2]).sum(1) * dx
        by_c = (g @ (phi[1] * dx[:, None]).flatten(0, 1).T).unflatten(1, (inputs, size)).transpose(0, 1)
        if weight is not None and base is not None:
            by_x = by_x + (weight @ g) * base[2] * dx
            by_w = (base[1] * dx) @ g.T
    if dc is not None:
        by_x = by_x + (back(dc) * phi[1]).sum(1)
    if dw is not None and base is not None:
        by_x = by_x + (dw @ g) * base[1]
    return by_x, by_c, by_w


_ARGUMENTS = "Tensor x, Tensor breaks, Tensor coefficients, Tensor? weight, int degree, str basis, str? base"


@torch.library.custom_op("kanpde::product", mutates_args=(), schema=f"({_ARGUMENTS}) -> Tensor")
def compiled_product(
    x: Tensor, breaks: Tensor, coefficients: Tensor, weight: Tensor | None, degree: int, basis: str, base: str | None
) -> Tensor:
    """``product`` as an operator that a compiler does not look into."""
    return product(x, breaks, coefficients, weight, Kind(degree, basis, base))


@compiled_product.register_fake
def _(x: Tensor, breaks: Tensor, coefficients: Tensor, *others: Any) -> Tensor:
    return empty_along(x, coefficients.shape[1])


@torch.library.custom_op("kanpde::pull", mutates_args=(), schema=f"(Tensor g, {_ARGUMENTS}) -> (Tensor, Tensor, Tensor)")
def _compiled_pull(
    g: Tensor,
    x: Tensor,
    breaks: Tensor,
    coefficients: Tensor,
    weight: Tensor | None,
    degree: int,
    basis: str,
    base: str | None,
) -> tuple[Tensor, Tensor, Tensor]:
    dx, dc, dw = pull(g, x, breaks, coefficients, weight, Kind(degree, basis, base))
    assert dx is not None  # all were asked for
    assert dc is not None
    return dx, dc, x.new_empty(0) if dw is None else dw


@_compiled_pull.register_fake
def _(g: Tensor, x: Tensor, breaks: Tensor, coefficients: Tensor, weight: Tensor | None, *others: Any) -> Any:
    dw = x.new_empty(0) if weight is None else torch.empty_like(weight, memory_format=torch.contiguous_format)
    return empty_along(x, len(x)), torch.empty_like(coefficients, memory_format=torch.contiguous_format), dw


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:4])
    ctx.detail = inputs[4:]


def _compiled_backward(ctx: Any, g: Tensor) -> tuple[Any, ...]:
    dx, dc, dw = _compiled_pull(g, *ctx.saved_tensors, *ctx.detail)
    return dx, None, dc, None if ctx.saved_tensors[3] is None else dw, None, None, None


compiled_product.register_autograd(_compiled_backward, setup_context=_remember)
