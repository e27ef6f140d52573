"""A network in pieces: every region of the plane or of space has its own copy of the fields, chosen by where a point lies.

Where a coefficient jumps, u is continuous and its derivatives are not: no smooth edge can say that, two of them can.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from kanpde.geometry.shapes import Combination, Shape, shape_from_spec
from kanpde.kan.edges import Edges
from kanpde.kan.grid import Grid
from kanpde.kan.jets import MultiIndex
from kanpde.kan.layers import Layer
from kanpde.kan.network import KAN, Pullback
from kanpde.kan.terms import Terms
from kanpde.kan.windows import WindowedKAN


@lru_cache(maxsize=64)
def _shape(text: str) -> Shape | Combination:
    return shape_from_spec(json.loads(text))


class PiecewiseKAN(nn.Module):
    """One network of n * F outputs, the F of piece 0 first, of which every point sees those of the piece that it lies in.

    ``regions`` are n - 1 specs of shapes (plain types, ``kanpde.geometry``): a point belongs to the first that contains it, and
    to the last piece if none does. ``axes`` are the columns of the points that the regions' coordinates are, the first ones
    unless told otherwise. Everything else is as in a ``KAN`` of F outputs.
    """

    def __init__(self, network: KAN, regions: Sequence[Mapping[str, Any]], axes: Sequence[int] | None = None) -> None:
        super().__init__()
        if not regions:
            raise ValueError("a network in pieces needs at least one region")
        if network.outputs % (len(regions) + 1):
            raise ValueError(f"{network.outputs} outputs do not make {len(regions) + 1} pieces of equally many fields")
        self.network = network
        self._texts = tuple(json.dumps(region) for region in regions)  # shapes hold functions, which do not pickle
        dimensions = {_shape(text).dimension for text in self._texts}
        if len(dimensions) != 1 or None in dimensions:
            raise ValueError("the regions must have equally many coordinates")
        count = dimensions.pop() or 0
        self.axes = tuple(range(count)) if axes is None else tuple(int(axis) for axis in axes)
        if len(self.axes) != count or max(self.axes) >= network.inputs:
            raise ValueError(f"regions of {count} coordinates lie along {count} of the {network.inputs} inputs, not {self.axes}")

    @property
    def regions(self) -> list[dict[str, Any]]:
        """The specs of the regions of all pieces but the last."""
        return [json.loads(text) for text in self._texts]

    @property
    def pieces(self) -> int:
        """The number n of pieces."""
        return len(self._texts) + 1

    @property
    def inputs(self) -> int:
        """The number d of coordinates."""
        return self.network.inputs

    @property
    def outputs(self) -> int:
        """The number F of fields."""
        return self.network.outputs // self.pieces

    @property
    def count(self) -> int:
        """The number P of parameters."""
        return self.network.count

    @property
    def stack(self) -> list[Layer]:
        """The layers, shared by all pieces."""
        return self.network.stack

    @property
    def edges(self) -> list[Edges]:
        """All groups of edges, in the order of the parameters."""
        return self.network.edges

    @property
    def intervals(self) -> tuple[int, ...]:
        """The grid intervals of each group of edges."""
        return self.network.intervals

    @property
    def factors(self) -> tuple[Edges, ...]:
        """Nothing: no product of univariate functions changes from piece to piece."""
        return ()

    @property
    def rank(self) -> int:
        """0: not separable as a whole."""
        return 0

    @property
    def terms(self) -> Terms | None:
        """The singular terms of all pieces, with n * F fields."""
        return self.network.terms

    def piece_of(self, x: Tensor) -> Tensor:  # (N, d) -> (N,) int64
        """The number of the piece that each point lies in."""
        points = x.detach()[:, list(self.axes)].cpu().double().numpy()
        result = torch.full((x.shape[0],), self.pieces - 1)
        for number in range(self.pieces - 2, -1, -1):  # the first region that contains a point has the last word
            result[torch.from_numpy(_shape(self._texts[number]).contains(points))] = number
        return result.to(x.device)

    def forward(self, x: Tensor) -> Tensor:  # (..., d) -> (..., F)
        """u(x), differentiable by x inside of each piece and by the parameters."""
        flat = x.reshape(-1, x.shape[-1])
        zero = (0,) * self.inputs
        value = self._chosen({zero: self.network(flat).T}, self.piece_of(flat))[zero]  # (F, N)
        return value.T.reshape(*x.shape[:-1], self.outputs)

    def jet(self, x: Tensor, indices: Iterable[MultiIndex]) -> dict[MultiIndex, Tensor]:  # (N, d) -> (F, N) each
        """The partial derivatives of u, from the side of the piece that the point belongs to."""
        return self._chosen(self.network.jet(x, indices), self.piece_of(x))

    @torch.no_grad()
    def linearise(self, x: Tensor, indices: Iterable[MultiIndex]) -> tuple[dict[MultiIndex, Tensor], Pullback]:
        """The jets, and the Jacobian by the parameters for any linear combination of them: ``KAN.linearise``."""
        piece = self.piece_of(x)
        jets, pullback = self.network.linearise(x, indices)
        here = torch.arange(self.pieces, device=x.device)[:, None, None] == piece  # (n, 1, N)

        def pull(weights: dict[MultiIndex, Tensor]) -> Tensor:
            full = (self.outputs, x.shape[0])
            return pullback({a: (here * w.expand(full)).reshape(self.network.outputs, -1) for a, w in weights.items()})

        return self._chosen(jets, piece), pull

    def _chosen(self, jets: dict[MultiIndex, Tensor], piece: Tensor) -> dict[MultiIndex, Tensor]:
        rows = piece * self.outputs + torch.arange(self.outputs, device=piece.device)[:, None]  # (F, N)
        return {alpha: values.gather(0, rows) for alpha, values in jets.items()}

    def with_edges(self, edges: Sequence[Edges]) -> PiecewiseKAN:
        """The same wiring and regions with other groups of edges."""
        return PiecewiseKAN(self.network.with_edges(edges), self.regions, self.axes)

    def extend(self, grids: int | Sequence[Grid]) -> PiecewiseKAN:
        """The same function on finer grids: ``KAN.extend``."""
        return PiecewiseKAN(self.network.extend(grids), self.regions, self.axes)

    def spec(self) -> dict[str, Any]:
        """The architecture, the grids and the regions in plain types, for JSON; the weights are in ``state_dict``."""
        return {"pieces": self.pieces, "regions": self.regions, "axes": list(self.axes), "network": self.network.spec()}

    @classmethod
    def from_spec(
        cls, spec: dict[str, Any], dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu"
    ) -> PiecewiseKAN:
        """The network that ``spec()`` describes, with all coefficients zero: then ``load_state_dict``."""
        return cls(KAN.from_spec(spec["network"], dtype, device), spec["regions"], spec["axes"])


Network = KAN | PiecewiseKAN | WindowedKAN
"""What a solution is delivered as."""


def smooth_part(network: Network) -> KAN | WindowedKAN:
    """The edges of a network: those of all its pieces together (n * F outputs), and without its singular terms."""
    if isinstance(network, WindowedKAN):
        return network
    inner = network.network if isinstance(network, PiecewiseKAN) else network
    return inner if inner.terms is None else inner.with_terms(None)


def network_from_spec(spec: dict[str, Any], dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu") -> Network:
    """The network of any kind that a ``spec()`` describes, with all coefficients zero."""
    if "windows" in spec:
        return WindowedKAN.from_spec(spec, dtype, device)
    return (PiecewiseKAN if "pieces" in spec else KAN).from_spec(spec, dtype, device)
