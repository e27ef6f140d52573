"""Edges of a Kolmogorov-Arnold network: learnable univariate functions, one from every input to every output of a group.

phi_io(z) = m_io (sum_j c_ioj B_j(z) + w_io b(z)), with the basis functions B_j on the grid of input i, a fixed base function b,
and a mask m that is 0 for edges that were pruned. A factor in front of the sum, as in the KAN paper, would be a direction of the
parameters without effect: the coefficients contain it.
Jets pass by Faa di Bruno's formula; the Jacobian by the coefficients is written down, not traced: the derivative of
D^alpha phi(z) by c_j is the same formula with B_j in the place of phi.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from kanpde.kan.base import BASE_FUNCTIONS
from kanpde.kan.bases import BASES, table
from kanpde.kan.grid import Grid
from kanpde.kan.jets import Jet, add, derivative_factors, partition_slopes
from kanpde.kan.projection import least_squares, samples


@dataclass
class Trace:
    """What the forward pass leaves for the adjoint."""

    basis: Tensor  # (Q + 1, n_in, K, N)
    base: Tensor | None  # (Q + 1, n_in, N)
    values: list[Tensor]  # phi and its derivatives, (n_in, n_out, N) each
    inputs: Jet  # (n_in, N) or (n_in, 1)


class Edges(nn.Module):
    """A group of edges that share a basis: ``breaks`` (n_in, G + 1) are buffers, ``coefficients`` (n_in, n_out, K) are learnt.

    ``base`` names the base function (its ``weight`` (n_in, n_out) is learnt too), or is None. ``mask`` (n_in, n_out) of zeros and
    ones is None while every edge lives. All coefficients start at zero. The grid is part of the state: ``load_state_dict`` takes
    one of another size.
    """

    breaks: Tensor
    mask: Tensor | None
    coefficients: nn.Parameter
    weight: nn.Parameter | None

    def __init__(
        self,
        breaks: Tensor,  # (n_in, G + 1)
        outputs: int,
        degree: int,
        basis: str = "bspline",
        base: str | None = None,
    ) -> None:
        super().__init__()
        if basis not in BASES:
            raise ValueError(f"no basis is called '{basis}'; there are {', '.join(BASES)}")
        base = None if base == "zero" else base
        if base is not None and base not in BASE_FUNCTIONS:
            raise ValueError(f"no base function is called '{base}'; there are {', '.join(BASE_FUNCTIONS)}, zero")
        self.degree, self.basis, self.base = degree, basis, base
        self.register_buffer("breaks", breaks.clone())
        self.register_buffer("mask", None)
        size = BASES[basis].size(breaks.shape[1] - 1, degree)
        self.coefficients = nn.Parameter(breaks.new_zeros(breaks.shape[0], outputs, size))
        self.weight = nn.Parameter(breaks.new_zeros(breaks.shape[0], outputs)) if base else None

    @property
    def inputs(self) -> int:
        """The number of inputs."""
        return self.coefficients.shape[0]

    @property
    def outputs(self) -> int:
        """The number of outputs."""
        return self.coefficients.shape[1]

    @property
    def size(self) -> int:
        """The number K of basis functions of one edge."""
        return self.coefficients.shape[2]

    @property
    def intervals(self) -> int:
        """The number G of grid intervals."""
        return self.breaks.shape[1] - 1

    @property
    def grids(self) -> tuple[Grid, ...]:
        """The grid of each input."""
        return tuple(Grid(breaks, self.degree) for breaks in self.breaks)

    @property
    def alive(self) -> Tensor:  # (n_in,) of bool
        """The inputs that an edge takes which is not masked."""
        return self.breaks.new_ones(self.inputs).bool() if self.mask is None else (self.mask != 0).any(1)

    @property
    def living(self) -> Tensor:  # (n_in, n_out) of zeros and ones
        """The mask, of ones where nothing is masked."""
        return self.breaks.new_ones(self.inputs, self.outputs) if self.mask is None else self.mask

    @property
    def count(self) -> int:
        """The number of learnable numbers."""
        return self.coefficients.numel() + (0 if self.weight is None else self.weight.numel())

    def functions(self, x: Tensor, order: int = 0) -> Tensor:  # (n_in, N) -> (order + 1, n_in, n_out, N)
        """Every edge and its derivatives at points of its own input."""
        return torch.stack(self._evaluate(x, order)[2])

    def values(self, x: Tensor, order: int = 0) -> Tensor:  # (N,) -> (order + 1, n_out, N)
        """The edges of a group with one input, and their derivatives."""
        if self.inputs != 1:
            raise ValueError(f"values() is for a group with one input, not {self.inputs}; use functions()")
        return self.functions(x[None], order)[:, 0]

    def initialise(
        self, generator: torch.Generator | None, slope: float = 1.0, noise: float = 0.01, how: str = "variance"
    ) -> None:
        """Random edges. "variance": a straight line of random slope over each grid, and small random coefficients; "xavier":
        as in the KAN paper (arXiv 2404.19756, section 2.2), the base function's weight of variance 2 / (n_in + n_out) and splines
        near zero (a tenth of that); a straight line stands for a base function that there is not.

        The outputs have the size ``slope`` whatever the number of inputs (Glorot & Bengio 2010, eq. 10: variance 1 / n_in). More
        ``noise`` than a hundredth makes second derivatives of order one, from which training has to recover first.
        """
        like = self.coefficients.data
        basis = BASES[self.basis]

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, dtype=torch.float64).to(like)

        if how == "xavier":
            size = (2 / (self.inputs + self.outputs)) ** 0.5
            rough = normal(self.inputs, self.outputs, self.size) * basis.decay(self.size).to(like) * (0.1 * size)
            first = normal(self.inputs, self.outputs) * size
            line = first[:, :, None] * basis.linear(self.breaks, self.degree)[:, None]
            self.coefficients.data = rough if self.weight is not None else rough + line
            if self.weight is not None:
                self.weight.data = first
            return
        if how != "variance":
            raise ValueError(f"no initialisation is called '{how}'; there are variance, xavier")
        lines = normal(self.inputs, self.outputs, 1) * basis.linear(self.breaks, self.degree)[:, None] * slope
        roughness = normal(self.inputs, self.outputs, self.size) * basis.decay(self.size).to(like) * noise
        self.coefficients.data = (lines + roughness) / self.inputs**0.5
        if self.weight is not None:
            self.weight.data = normal(self.inputs, self.outputs) * (noise / self.inputs**0.5)

    def extended(self, breaks: Sequence[Tensor]) -> Edges:
        """The same functions on finer grids that contain the old ones: new break points (G' + 1,) for each input."""
        result = self.like(torch.stack([b.to(self.breaks) for b in breaks]))
        basis = BASES[self.basis]
        for i, finer in enumerate(result.breaks):
            if not torch.isin(self.breaks[i], finer).all():
                raise ValueError("an extension keeps every break point; moving them is a projection")
            result.coefficients.data[i] = basis.extend(self.coefficients.data[i], self.breaks[i], finer, self.degree)
        return result

    def masked(self, mask: Tensor | None) -> Edges:
        """The group with other edges alive, (n_in, n_out) of zeros and ones; what the others have learnt is kept."""
        result = self.like(self.breaks)
        result.coefficients.data = self.coefficients.data.clone()
        result.mask = None if mask is None or bool((mask != 0).all()) else (mask != 0).to(self.breaks)
        return result

    def like(self, breaks: Tensor) -> Edges:
        """The same group, its weights and its mask, on a grid (n_in, G' + 1) of any kind; its coefficients are zero."""
        result = Edges(breaks, self.outputs, self.degree, self.basis, self.base)
        if result.weight is not None and self.weight is not None:
            result.weight.data = self.weight.data.clone()
        result.mask = None if self.mask is None else self.mask.clone()
        return result

    def projected(self, breaks: Tensor) -> tuple[Edges, float]:
        """The nearest functions on other grids (n_in, G' + 1), and the largest change relative to the largest value.

        Least squares at four points per function, by an orthogonal decomposition that stands rank deficiency.
        """
        result = self.like(breaks.to(self.breaks))
        basis = BASES[self.basis]
        x = samples(basis, result.breaks, self.degree)
        old = self.coefficients.data @ table(x, self.breaks, basis, self.degree)[0]  # (n_in, n_out, N)
        new = table(x, result.breaks, basis, self.degree)[0]  # (n_in, K', N)
        result.coefficients.data = least_squares(new.mT, old.mT).mT.contiguous()
        change = (result.coefficients.data @ new - old).abs().amax()
        return result, float(change / old.abs().amax().clamp(min=torch.finfo(old.dtype).tiny))

    def widened(self, extra: Tensor) -> Edges:
        """The group with further outputs, whose coefficients are ``extra`` (n_in, m, K)."""
        result = Edges(self.breaks, self.outputs + extra.shape[1], self.degree, self.basis, self.base)
        result.coefficients.data = torch.cat([self.coefficients.data, extra.to(self.breaks)], 1)
        if result.weight is not None and self.weight is not None:
            result.weight.data = torch.cat([self.weight.data, self.weight.new_zeros(extra.shape[:2])], 1)
        if self.mask is not None:
            result.mask = torch.cat([self.mask, self.mask.new_ones(extra.shape[:2])], 1)
        return result

    def push(self, jet: Jet, extra: int = 0) -> tuple[Jet, Trace]:
        """The jet (n_out, N) of the sum over the inputs; ``extra`` more derivatives of the edges are kept for the adjoint."""
        order = max(map(sum, jet), default=0)
        zero = next(iter(jet))  # the value: indices come by increasing order
        z = jet[zero]
        if z is None:
            raise ValueError("the value of an input cannot vanish identically")
        trace = Trace(*self._evaluate(z, order + extra), jet)
        result: Jet = {}
        for alpha in jet:
            total: Tensor | None = None
            for m, factor in derivative_factors(alpha, jet).items():
                term = trace.values[m] if factor is None else trace.values[m] * factor[:, None]
                total = add(total, term.sum(0))
            result[alpha] = total
        return result, trace

    def pull(
        self,
        weights: Jet,  # (n_out, N) each
        trace: Trace,
        into: Tensor | None,  # (P of this group, N), filled with the Jacobian transposed
        need_inputs: bool,
    ) -> Jet:  # (n_in, N) each; empty unless asked for
        """The adjoint of ``push``: rows of the Jacobian by the coefficients, and the adjoint of the input jet."""
        by_order = self._by_order(weights, trace.inputs)  # m -> (n_in, n_out, N)
        if into is not None:
            points = trace.basis.shape[-1]
            cut = self.coefficients.numel()
            block = into[:cut].view(self.inputs, self.outputs, self.size, points)
            first = True
            for m, w in by_order.items():
                if first:
                    torch.mul(trace.basis[m][:, None], w[:, :, None], out=block)
                else:
                    block.addcmul_(trace.basis[m][:, None], w[:, :, None])
                first = False
            if first:
                block.zero_()
            if trace.base is not None:
                rows = into[cut:].view(self.inputs, self.outputs, points).zero_()
                for m, w in by_order.items():
                    rows += trace.base[m][:, None] * w
        return self._pull_inputs(weights, by_order, trace) if need_inputs else {}

    def spec(self) -> dict[str, Any]:
        """What the group is, without its weights, in plain types."""
        return {
            "basis": self.basis,
            "degree": self.degree,
            "base": self.base,
            "outputs": self.outputs,
            "masked": self.mask is not None,
            "breaks": self.breaks.tolist(),
        }

    def _evaluate(self, x: Tensor, order: int) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        basis = table(x, self.breaks, BASES[self.basis], self.degree, order)
        coefficients = self.coefficients if self.mask is None else self.coefficients * self.mask[:, :, None]
        values = [coefficients @ basis[q] for q in range(order + 1)]
        if self.base is None or self.weight is None:
            return basis, None, values
        base = BASE_FUNCTIONS[self.base](x, order)
        weight = self.weight if self.mask is None else self.weight * self.mask
        return basis, base, [value + weight[:, :, None] * base[q][:, None] for q, value in enumerate(values)]

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any) -> None:
        """Takes the grid's size and the mask from the state, so that a refined or pruned network loads into a new one."""
        breaks, coefficients = (state_dict.get(prefix + name) for name in ("breaks", "coefficients"))
        if breaks is not None and coefficients is not None and breaks.ndim == 2:
            size = BASES[self.basis].size(breaks.shape[1] - 1, self.degree)
            if breaks.shape[0] == self.inputs and coefficients.shape == (self.inputs, self.outputs, size):
                self.breaks = self.breaks.new_empty(breaks.shape)
                self.coefficients.data = self.coefficients.data.new_empty(coefficients.shape)
        mask = state_dict.get(prefix + "mask")
        self.mask = None if mask is None else self.breaks.new_ones(self.inputs, self.outputs)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _by_order(self, weights: Jet, inputs: Jet) -> dict[int, Tensor]:
        """The weight with which the m-th derivative of each edge enters: (n_in, n_out, N) by m."""
        result: dict[int, Tensor] = {}
        for alpha, weight in weights.items():
            if weight is None:
                continue
            for m, factor in derivative_factors(alpha, inputs).items():
                full = (self.inputs, *weight.shape)
                term = weight.expand(full) if factor is None else weight * factor[:, None]
                term = term if self.mask is None else term * self.mask[:, :, None]
                result[m] = result[m] + term if m in result else term.expand(full)
        return result

    def _pull_inputs(self, weights: Jet, by_order: dict[int, Tensor], trace: Trace) -> Jet:
        result: Jet = dict.fromkeys(trace.inputs)
        value: Tensor | None = None
        for m, w in by_order.items():
            value = add(value, (trace.values[m + 1] * w).sum(1))
        result[next(iter(result))] = value
        for alpha, weight in weights.items():
            if weight is None or not any(alpha):
                continue
            slopes: dict[int, Tensor] = {}  # m -> (n_in, N)
            for beta, m, factor in partition_slopes(alpha, trace.inputs):
                if m not in slopes:
                    slopes[m] = (trace.values[m] * weight).sum(1)
                result[beta] = add(result[beta], slopes[m] * factor)
        return result


def edges_from_spec(spec: dict[str, Any], dtype: torch.dtype, device: torch.device | str) -> Edges:
    """The group that ``Edges.spec`` describes, with all coefficients zero."""
    breaks = torch.tensor(spec["breaks"], dtype=dtype, device=device)
    edges = Edges(breaks, spec["outputs"], spec["degree"], spec["basis"], spec["base"])
    if spec.get("masked"):
        edges.mask = breaks.new_ones(edges.inputs, edges.outputs)
    return edges
