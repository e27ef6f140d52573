"""Cutting edges out of a network: what is dead with them, where their means go, and the layers between the nodes that stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from kanpde.kan.bases import BASES
from kanpde.kan.edges import Edges
from kanpde.kan.layers import Layer
from kanpde.kan.network import KAN
from kanpde.kan.symbolic_edges import SymbolicEdges


def node_of(layer: Layer) -> list[int]:
    """The node that each subnode belongs to."""
    return [*range(layer.sums), *(layer.sums + p for _ in range(layer.arity) for p in range(layer.products))]


def _factors(layer: Layer, node: int) -> list[int]:
    """The subnodes of a node."""
    return [node] if node < layer.sums else [node + k * layer.products for k in range(layer.arity)]


def means_of_dead(alive: Sequence[Tensor], values: Sequence[Tensor]) -> list[Tensor]:  # (subnodes,) each
    """What the dead edges add to each subnode on average."""
    return [torch.where(a[..., None], 0.0, phi).mean(-1).sum(1) for a, phi in zip(alive, values, strict=True)]


def spread_death(net: KAN, alive: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """Edges from nodes that are constant, and to nodes that nothing depends on, are dead too."""
    left = -1
    while left != (left := sum(int(a.sum()) for a in alive)):
        for n, layer in enumerate(net.stack[:-1]):
            means = means_of_dead(alive, values)[n]
            for node in range(layer.nodes):
                parts = _factors(layer, node)
                living = [bool(alive[n][j].any()) for j in parts]
                if not any(living) or any(not on and means[j] == 0 for on, j in zip(living, parts, strict=True)):
                    alive[n + 1][:, node] = False
                if not alive[n + 1][:, node].any():
                    alive[n][parts] = False


@dataclass(frozen=True)
class _Node:
    """A node of the new layer: old subnodes that are its factors, and a number that the only factor of a sum is multiplied by."""

    parts: tuple[int, ...]
    scale: float = 1.0


def _nodes(layer: Layer, alive: Tensor, constants: Tensor, kept: Sequence[int], last: bool) -> list[_Node]:
    """What becomes of each node that is kept: a product with one living factor is a sum, but not among the outputs."""
    found = []
    for node in kept:
        parts = _factors(layer, node)
        living = [j for j in parts if bool(alive[j].any())]
        if node >= layer.sums and len(living) == 1 and not last:
            scale = prod(float(constants[j]) for j in parts if j not in living)
            found.append(_Node((living[0],), scale))
        else:
            found.append(_Node(tuple(parts)))
    return found


def nodes_left(net: KAN, alive: Sequence[Tensor]) -> list[list[int]]:
    """The old numbers of the nodes of each layer that stay, in their new order: sums, products that became sums, products."""
    left = [list(range(net.inputs))]
    for n, layer in enumerate(net.stack[:-1]):
        used = [node for node in range(layer.nodes) if bool(alive[n + 1][:, node].any())] or [0]  # a layer is never empty

        def is_product(node: int, n: int = n, layer: Layer = layer) -> bool:
            return node >= layer.sums and sum(bool(alive[n][j].any()) for j in _factors(layer, node)) != 1

        left.append(sorted(used, key=lambda node: (is_product(node), node)))
    return [*left, list(range(net.stack[-1].nodes))]


def rebuilt(layer: Layer, alive: Tensor, constants: Tensor, inputs: Sequence[int], kept: Sequence[int], last: bool) -> Layer:
    """The layer between the nodes that stay, with the constants folded in."""
    nodes = _nodes(layer, alive, constants, kept, last)
    sums = [node for node in nodes if len(node.parts) == 1]
    products = [node for node in nodes if len(node.parts) > 1]
    old = [node.parts[0] for node in sums] + [node.parts[k] for k in range(layer.arity) for node in products]
    scale = [node.scale for node in sums] + [1.0] * (layer.arity * len(products))
    wanted = [scale[j] * float(constants[old[j]]) for j in range(len(old))]
    pieces = []
    for group, source, (first, end) in zip(layer.edges, layer.sources, layer.targets, strict=True):
        rows = [r for r, i in enumerate(source) if i in inputs]
        for run in _runs([j for j in range(len(old)) if first <= old[j] < end]) if rows else ():
            piece = _selected(group, rows, [old[j] - first for j in run], [scale[j] for j in run])
            living = alive[[old[j] for j in run]][:, [source[r] for r in rows]].T.to(group.breaks)
            piece = piece.masked(living if piece.mask is None else living * piece.mask)
            pieces.append((piece, [inputs.index(source[r]) for r in rows], (run[0], run[-1] + 1)))
    formulas = None if layer.symbolic is None else _formulas(layer.symbolic, alive, inputs, old, scale)
    for j, constant in enumerate(wanted):
        if constant:
            formulas = _folded(pieces, formulas, j, constant)
    groups, sources, targets = ([*column] for column in zip(*pieces, strict=True))
    return Layer(groups, sources, targets, len(sums), len(products), layer.arity, formulas)


def _runs(numbers: Sequence[int]) -> list[list[int]]:
    """Consecutive numbers together: the targets of a group are a range."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    return runs


def _selected(group: Edges, rows: Sequence[int], columns: Sequence[int], scale: Sequence[float]) -> Edges:
    """The edges of some inputs to some outputs, each output multiplied by a number."""
    result = Edges(group.breaks[list(rows)], len(columns), group.degree, group.basis, group.base)
    factor = group.breaks.new_tensor(scale)
    result.coefficients.data = group.coefficients.data[list(rows)][:, list(columns)] * factor[:, None]
    if result.weight is not None and group.weight is not None:
        result.weight.data = group.weight.data[list(rows)][:, list(columns)] * factor
    result.mask = None if group.mask is None else group.mask[list(rows)][:, list(columns)]
    return result


def _formulas(
    formulas: SymbolicEdges, alive: Tensor, inputs: Sequence[int], old: Sequence[int], scale: Sequence[float]
) -> SymbolicEdges | None:
    """The symbolic edges that live, at their new places."""
    functions, places, affine = [], [], []
    for name, (i, j), numbers in zip(formulas.functions, formulas.places.tolist(), formulas.affine.data, strict=True):
        if j in old and i in inputs and bool(alive[j, i]):
            new = old.index(j)
            functions.append(name)
            places.append([inputs.index(i), new])
            affine.append(numbers * numbers.new_tensor([1.0, 1.0, scale[new], scale[new]]))
    if not functions:
        return None
    return SymbolicEdges(functions, formulas.places.new_tensor(places), torch.stack(affine), len(old))


def _folded(
    pieces: Sequence[tuple[Edges, list[int], tuple[int, int]]], formulas: SymbolicEdges | None, target: int, constant: float
) -> SymbolicEdges | None:
    """Adds a constant to a subnode: to a living edge of it; without one an edge becomes the constant."""
    here = [(piece, target - first) for piece, _, (first, end) in pieces if first <= target < end]
    for piece, column in here:
        mask = torch.ones_like(piece.coefficients[:, 0, 0]) if piece.mask is None else piece.mask[:, column]
        if bool(mask.any()):
            row = int(mask.argmax())
            piece.coefficients.data[row, column] += constant * _one(piece)[row]
            return formulas
    if formulas is not None and target in formulas.places[:, 1].tolist():
        formulas.affine.data[formulas.places[:, 1].tolist().index(target), 3] += constant
        return formulas
    piece, column = here[0]
    piece.coefficients.data[0, column] = constant * _one(piece)[0]
    if piece.weight is not None:
        piece.weight.data[0, column] = 0
    if piece.mask is not None:
        piece.mask[0, column] = 1
    return formulas


def _one(group: Edges) -> Tensor:  # (n_in, K)
    return BASES[group.basis].constant(group.breaks, group.degree)
