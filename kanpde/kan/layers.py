"""Layers: groups of edges whose outputs are added up at sum nodes, or multiplied at product nodes.

The outputs of the groups ("subnodes") are laid out [sums | first factors | second factors | ...]: the first ``sums`` are nodes
as they are, the rest form ``products`` nodes of ``arity`` factors each. Source: Liu, Ma, Wang, Matusik & Tegmark (2024), KAN 2.0,
arXiv 2408.10205, section 3.1 (multiplication nodes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from kanpde.kan.edges import Edges, Trace, edges_from_spec
from kanpde.kan.jets import Jet, add, multiply, multiply_adjoint
from kanpde.kan.symbolic_edges import SymbolicEdges, symbolic_from_spec


@dataclass
class LayerTrace:
    """What the forward pass of a layer leaves for the adjoint."""

    groups: list[Trace]
    factors: list[Jet]  # (products, N) each, one jet per factor
    inputs: Jet
    symbolic: Any = None


class Layer(nn.Module):
    """One layer: each group takes the inputs ``sources[g]`` and adds to the subnodes ``targets[g]`` (first, last + 1).

    ``symbolic`` holds the edges with known functions, if there are any; it adds to the subnodes what its edges are.
    """

    symbolic: SymbolicEdges | None

    def __init__(
        self,
        groups: Sequence[Edges],
        sources: Sequence[Sequence[int]],
        targets: Sequence[tuple[int, int]],
        sums: int,
        products: int = 0,
        arity: int = 2,
        symbolic: SymbolicEdges | None = None,
    ) -> None:
        super().__init__()
        self.groups = nn.ModuleList(groups)
        self.sources = tuple(tuple(source) for source in sources)
        self.targets = tuple((first, last) for first, last in targets)
        self.sums, self.products, self.arity = sums, products, arity
        self.symbolic = symbolic

    @property
    def edges(self) -> list[Edges]:
        """The groups, typed."""
        return [group for group in self.groups if isinstance(group, Edges)]

    @property
    def nodes(self) -> int:
        """The number of outputs."""
        return self.sums + self.products

    @property
    def subnodes(self) -> int:
        """The number of sums of edges: sum nodes, and factors of product nodes."""
        return self.sums + self.arity * self.products

    @property
    def count(self) -> int:
        """The number of learnable numbers."""
        return sum(group.count for group in self.edges) + (0 if self.symbolic is None else self.symbolic.count)

    def with_groups(self, groups: Sequence[Edges]) -> Layer:
        """The same wiring with other groups of edges, as many outputs each."""
        return Layer(groups, self.sources, self.targets, self.sums, self.products, self.arity, self.symbolic)

    def with_symbolic(self, symbolic: SymbolicEdges | None) -> Layer:
        """The same groups, shared and not copied, with other symbolic edges."""
        return Layer(self.edges, self.sources, self.targets, self.sums, self.products, self.arity, symbolic)

    def push(self, jet: Jet, extra: int = 0) -> tuple[Jet, LayerTrace]:
        """The jet of the nodes, (nodes, N) each."""
        traces = []
        parts: list[tuple[tuple[int, int], Jet]] = []
        for group, source, target in zip(self.edges, self.sources, self.targets, strict=True):
            output, trace = group.push(_select(jet, source), extra)
            traces.append(trace)
            parts.append((target, output))
        formula = None
        if self.symbolic is not None:
            output, formula = self.symbolic.push(jet, extra)
            parts.append(((0, self.subnodes), output))
        added = _gather(parts, (0, self.sums)) if self.sums else None
        factors = [_gather(parts, self._block(i)) for i in range(self.arity)] if self.products else []
        product: Jet | None = None
        for factor in factors:
            product = factor if product is None else multiply(product, factor)
        return _stack(added, product, self.sums, self.products), LayerTrace(traces, factors, jet, formula)

    def pull(self, weights: Jet, trace: LayerTrace, into: Tensor | None, need_inputs: bool) -> Jet:
        """The adjoint of ``push``; ``into`` (P of this layer, N) is filled with the Jacobian transposed."""
        blocks: list[tuple[tuple[int, int], Jet]] = []
        if self.sums:
            blocks.append(((0, self.sums), {a: None if w is None else w[: self.sums] for a, w in weights.items()}))
        if self.products:
            tail = {a: None if w is None else w[self.sums :] for a, w in weights.items()}
            for i in range(self.arity):
                adjoint = tail
                others = [other for j, other in enumerate(trace.factors) if j != i]
                for n, other in enumerate(others):
                    # What vanishes identically in this factor may be dropped, but only after the last of the others.
                    like: Jet = trace.factors[i] if n == len(others) - 1 else dict.fromkeys(tail, _PRESENT)
                    adjoint = multiply_adjoint(adjoint, other, like)
                blocks.append((self._block(i), adjoint))
        result: Jet = dict.fromkeys(trace.inputs)
        start = 0
        for group, source, target, kept in zip(self.edges, self.sources, self.targets, trace.groups, strict=True):
            rows = None if into is None else into[start : start + group.count]
            start += group.count
            back = group.pull(_gather(blocks, target), kept, rows, need_inputs)
            for alpha, weight in back.items():
                if weight is not None:
                    whole = weight.new_zeros(self._width(trace.inputs), weight.shape[1])
                    whole[list(source)] = weight
                    result[alpha] = add(result[alpha], whole)
        if self.symbolic is not None:
            rows = None if into is None else into[start : start + self.symbolic.count]
            width, own = self._width(trace.inputs), _gather(blocks, (0, self.subnodes))
            for alpha, weight in self.symbolic.pull(own, trace.symbolic, rows, need_inputs, width).items():
                result[alpha] = add(result[alpha], weight)
        return result

    def spec(self) -> dict[str, Any]:
        """What the layer is, without its weights, in plain types."""
        spec = {
            "groups": [group.spec() for group in self.edges],
            "sources": [list(source) for source in self.sources],
            "targets": [list(target) for target in self.targets],
            "sums": self.sums,
            "products": self.products,
            "arity": self.arity,
        }
        return spec if self.symbolic is None else {**spec, "symbolic": self.symbolic.spec()}

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any) -> None:
        """Makes room for the symbolic edges of the state, which are loaded next."""
        affine = state_dict.get(prefix + "symbolic.affine")
        self.symbolic = None
        if affine is not None:
            like = next(self.parameters())
            places = torch.zeros(len(affine), 2, dtype=torch.int64, device=like.device)
            self.symbolic = SymbolicEdges(("x",) * len(affine), places, like.new_zeros(len(affine), 4), self.subnodes)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _block(self, factor: int) -> tuple[int, int]:
        first = self.sums + factor * self.products
        return first, first + self.products

    def _width(self, inputs: Jet) -> int:
        value = next(iter(inputs.values()))
        return 0 if value is None else value.shape[0]


_PRESENT = torch.empty(0)  # marks a channel that may be there


def _select(jet: Jet, source: Sequence[int]) -> Jet:
    """The rows of a jet that a group takes; a first derivative that is known to vanish becomes None."""
    value = next(iter(jet.values()))
    if value is not None and tuple(source) == tuple(range(value.shape[0])):
        return jet
    picked: Jet = {}
    for alpha, channel in jet.items():
        rows = None if channel is None else channel[list(source)]
        # Only the coordinates themselves have constant derivatives, stored with one column: zero where the coordinate is another.
        constant = rows is not None and sum(alpha) == 1 and rows.shape[1] == 1 and not rows.any()
        picked[alpha] = None if constant else rows
    return picked


def _gather(parts: Sequence[tuple[tuple[int, int], Jet]], wanted: tuple[int, int]) -> Jet:
    """The rows ``wanted`` out of jets that cover parts of the subnodes; what overlaps is added."""
    touching = [(span, jet) for span, jet in parts if span[0] < wanted[1] and wanted[0] < span[1]]
    if len(touching) == 1 and touching[0][0] == wanted:
        return touching[0][1]
    result: Jet = dict.fromkeys(parts[0][1])
    for alpha in result:
        total: Tensor | None = None
        for (first, last), jet in parts:
            low, high = max(first, wanted[0]), min(last, wanted[1])
            channel = jet[alpha]
            if channel is None or low >= high:
                continue
            rows = channel[low - first : high - first]
            total = add(total, nn.functional.pad(rows, (0, 0, low - wanted[0], wanted[1] - high)))
        result[alpha] = total
    return result


def _stack(added: Jet | None, product: Jet | None, sums: int, products: int) -> Jet:
    if product is None:
        return added or {}
    if added is None:
        return product
    result: Jet = {}
    for alpha in added:
        upper, lower = added[alpha], product[alpha]
        if upper is None and lower is None:
            result[alpha] = None
            continue
        if upper is None and lower is not None:
            upper = lower.new_zeros(sums, lower.shape[1])
        if lower is None and upper is not None:
            lower = upper.new_zeros(products, upper.shape[1])
        if upper is not None and lower is not None:
            result[alpha] = torch.cat([upper, lower])
    return result


def layer_from_spec(spec: dict[str, Any], dtype: torch.dtype, device: torch.device | str) -> Layer:
    """The layer that ``Layer.spec`` describes, with all coefficients zero."""
    groups = [edges_from_spec(group, dtype, device) for group in spec["groups"]]
    targets = [(first, last) for first, last in spec["targets"]]
    symbolic = symbolic_from_spec(spec["symbolic"], dtype, device) if "symbolic" in spec else None
    return Layer(groups, spec["sources"], targets, spec["sums"], spec["products"], spec["arity"], symbolic)
