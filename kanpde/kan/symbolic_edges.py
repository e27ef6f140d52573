"""Edges with a known function: phi(z) = c f(a z + b) + d, whose four numbers are learnt like the coefficients of a spline.

Derivatives of f of any order come from autograd, so that a new function is one line in ``FUNCTIONS``. Source of the affine
parametrisation: Liu et al. (2024), arXiv 2404.19756, section 2.5.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kanpde.kan.jets import Jet, add, derivative_factors, partition_slopes


def _within(
    function: Callable[[Tensor], Tensor], lower: float, upper: float, below: float, above: float
) -> Callable[[Tensor], Tensor]:
    """A function that ends at ``lower`` and ``upper``, continued by constants: no point beyond gives a NaN, nor its slope."""

    def continued(z: Tensor) -> Tensor:
        inside = (z > lower) & (z < upper)
        safe = torch.where(inside, z, torch.full_like(z, 0.5))  # in the domain of all of them
        ends = torch.where(z <= lower, torch.full_like(z, below), torch.full_like(z, above))
        return torch.where(inside, function(safe), ends)

    return continued


HALF_PI, INFINITY = math.pi / 2, math.inf
LAST = 18.7  # atanh(1 - 2^-53): the largest value that float64 has
DEEPEST = -708.0  # log of the smallest number of float64
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "x": lambda z: z,
    "x^2": lambda z: z * z,
    "x^3": lambda z: z**3,
    "x^4": lambda z: z**4,
    "x^5": lambda z: z**5,
    "1/x": torch.reciprocal,
    "1/x^2": lambda z: z**-2,
    "1/x^3": lambda z: z**-3,
    "sqrt": _within(torch.sqrt, 0.0, INFINITY, 0.0, INFINITY),
    "1/sqrt": torch.rsqrt,
    "exp": torch.exp,
    "log": _within(torch.log, 0.0, INFINITY, DEEPEST, INFINITY),
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "tanh": torch.tanh,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "asin": _within(torch.asin, -1.0, 1.0, -HALF_PI, HALF_PI),
    "acos": _within(torch.acos, -1.0, 1.0, math.pi, 0.0),
    "atan": torch.atan,
    "asinh": torch.asinh,
    "atanh": _within(torch.atanh, -1.0, 1.0, -LAST, LAST),
    "sigmoid": torch.sigmoid,
    "erf": torch.erf,
    "abs": torch.abs,
    "sign": torch.sign,
    "gaussian": lambda z: torch.exp(-z * z),
}
"""What a symbolic edge may be, by name; a name with x is the function of x that it says. Roots, logarithms and inverse functions
are constant beyond the ends of their domain."""


def derivatives(function: Callable[[Tensor], Tensor], z: Tensor, order: int) -> list[Tensor]:
    """The function and its derivatives up to ``order`` at each entry of z, by nested autograd; differentiable by z if z is."""
    if order == 0:
        return [function(z)]
    tracked = torch.is_grad_enabled() and z.requires_grad
    with torch.enable_grad():
        x = z if tracked else z.detach().requires_grad_(True)
        values = [function(x)]
        for _ in range(order):
            last = values[-1]
            slope = torch.autograd.grad(last.sum(), x, create_graph=True, allow_unused=True)[0] if last.requires_grad else None
            values.append(torch.zeros_like(last) if slope is None else slope)
    return values if tracked else [v.detach() for v in values]


class SymbolicEdges(nn.Module):
    """E edges of one layer, each from node ``places[e, 0]`` to subnode ``places[e, 1]``; ``affine`` (E, 4) holds a, b, c, d."""

    places: Tensor
    affine: nn.Parameter

    def __init__(
        self,
        functions: Sequence[str],
        places: Tensor,  # (E, 2) int64
        affine: Tensor,  # (E, 4)
        subnodes: int,
    ) -> None:
        super().__init__()
        for name in functions:
            if name not in FUNCTIONS:
                raise ValueError(f"no function of an edge is called '{name}'; there are {', '.join(FUNCTIONS)}")
        self.functions, self.subnodes = tuple(functions), subnodes
        self.register_buffer("places", places.detach().clone())
        self.affine = nn.Parameter(affine.detach().clone())

    @property
    def count(self) -> int:
        """The number of learnable numbers."""
        return self.affine.numel()

    def at(self, source: int, target: int) -> int | None:
        """The number of the edge between a node and a subnode, if there is one."""
        pairs = [tuple(pair) for pair in self.places.tolist()]
        return pairs.index((source, target)) if (source, target) in pairs else None

    def with_edge(self, source: int, target: int, function: str, affine: Tensor) -> SymbolicEdges:
        """One more edge, or another function for the one that is there."""
        kept = self.without(source, target)
        places = torch.cat([kept.places, kept.places.new_tensor([[source, target]])])
        return SymbolicEdges(
            (*kept.functions, function), places, torch.cat([kept.affine, affine[None].to(kept.affine)]), self.subnodes
        )

    def without(self, source: int, target: int) -> SymbolicEdges:
        """All edges but this one."""
        e = self.at(source, target)
        rest = [n for n in range(len(self.functions)) if n != e]
        return SymbolicEdges([self.functions[n] for n in rest], self.places[rest], self.affine[rest], self.subnodes)

    def functions_at(self, x: Tensor, order: int = 0) -> list[Tensor]:  # (nodes, N) -> (E, N) each
        """Every edge and its derivatives at points of the layer's nodes."""
        return self._evaluate(x[self.places[:, 0]], order)[1]

    def forward(self, x: Tensor) -> Tensor:  # (nodes, N) -> (subnodes, N)
        """What the edges add to the subnodes."""
        return x.new_zeros(self.subnodes, x.shape[1]).index_add(0, self.places[:, 1], self.functions_at(x)[0])

    def push(self, jet: Jet, extra: int = 0) -> tuple[Jet, Any]:
        """The jet of what the edges add to the subnodes (subnodes, N); ``extra`` more derivatives are kept for the adjoint."""
        picked: Jet = {alpha: None if rows is None else rows[self.places[:, 0]] for alpha, rows in jet.items()}  # (E, N)
        order = max(map(sum, jet), default=0)
        z = next(iter(picked.values()))
        if z is None:
            raise ValueError("the value of a node cannot vanish identically")
        outer, values = self._evaluate(z, order + extra)
        result: Jet = {}
        for alpha in picked:
            total: Tensor | None = None
            for m, factor in derivative_factors(alpha, picked).items():
                total = add(total, values[m] if factor is None else values[m] * factor)
            result[alpha] = None if total is None else self._scatter(total, self.places[:, 1], self.subnodes)
        return result, (picked, outer, values)

    def pull(self, weights: Jet, trace: Any, into: Tensor | None, need_inputs: bool, nodes: int) -> Jet:  # (nodes, N) each
        """The adjoint of ``push``: rows (4 E, N) of the Jacobian transposed, and the adjoint of the nodes' jet."""
        picked, outer, values = trace
        a, _, c, _ = self.affine.detach().T[..., None]  # (E, 1) each
        z = next(iter(picked.values()))
        own: Jet = {
            alpha: None if w is None else w.expand(self.subnodes, w.shape[-1])[self.places[:, 1]] for alpha, w in weights.items()
        }
        result: Jet = dict.fromkeys(picked)
        rows = None if into is None else into.view(len(self.functions), 4, into.shape[1]).zero_()
        for alpha, w in own.items():
            if w is None:
                continue
            for m, factor in derivative_factors(alpha, picked).items():
                g = w if factor is None else w * factor  # what phi^(m) is worth, (E, N)
                if rows is not None:
                    inner = outer[m] * (m * c * a ** max(m - 1, 0)) if m else 0.0
                    rows[:, 0] += g * (inner + c * a**m * z * outer[m + 1])
                    rows[:, 1] += g * c * a**m * outer[m + 1]
                    rows[:, 2] += g * a**m * outer[m]
                    if m == 0:
                        rows[:, 3] += g
                if need_inputs:
                    zero = next(iter(picked))
                    result[zero] = add(result[zero], g * values[m + 1])
            if need_inputs and any(alpha):
                for beta, m, slope in partition_slopes(alpha, picked):
                    result[beta] = add(result[beta], w * values[m] * slope)
        if not need_inputs:
            return {}
        return {k: None if v is None else self._scatter(v, self.places[:, 0], nodes) for k, v in result.items()}

    def spec(self) -> dict[str, Any]:
        """What the edges are, without their numbers, in plain types."""
        return {"functions": list(self.functions), "places": self.places.tolist(), "subnodes": self.subnodes}

    def get_extra_state(self) -> dict[str, Any]:
        """The functions' names: they belong to the state, for a network may be saved with one formula and loaded with another."""
        return {"functions": list(self.functions), "subnodes": self.subnodes}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Names out of a saved state."""
        self.functions, self.subnodes = tuple(state["functions"]), int(state["subnodes"])

    def _evaluate(self, z: Tensor, order: int) -> tuple[list[Tensor], list[Tensor]]:
        """The outer functions f^(q)(a z + b), and the edges c a^q f^(q)(a z + b), + d for q = 0: (E, N) each."""
        a, b, c, d = self.affine.T[..., None]
        s = a * z + b
        rows = [derivatives(FUNCTIONS[name], s[e], order) for e, name in enumerate(self.functions)]
        outer = [torch.stack([row[q] for row in rows]) if rows else s for q in range(order + 1)]
        return outer, [c * a**q * f + (d if q == 0 else 0.0) for q, f in enumerate(outer)]

    @staticmethod
    def _scatter(rows: Tensor, to: Tensor, size: int) -> Tensor:
        return rows.new_zeros(size, rows.shape[1]).index_add(0, to, rows)


def symbolic_from_spec(spec: dict[str, Any], dtype: torch.dtype, device: torch.device | str) -> SymbolicEdges:
    """The edges that ``SymbolicEdges.spec`` describes, with all numbers zero."""
    places = torch.tensor(spec["places"], dtype=torch.int64, device=device).reshape(-1, 2)
    affine = torch.zeros(len(spec["functions"]), 4, dtype=dtype, device=device)
    return SymbolicEdges(spec["functions"], places, affine, spec["subnodes"])
