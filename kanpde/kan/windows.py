"""A network in time windows: on every interval of one coordinate a network of its own, chosen by where a point lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kanpde.kan.edges import Edges
from kanpde.kan.jets import MultiIndex
from kanpde.kan.layers import Layer
from kanpde.kan.network import KAN
from kanpde.kan.terms import Terms


class WindowedKAN(nn.Module):
    """W networks of equal inputs and outputs; a point sees the one whose window its coordinate ``axis`` lies in.

    ``ends`` (W + 1,) are the joints of the windows and both outer ends. A joint belongs to the later window, and points beyond
    the outer ends to the nearest one. Nothing ties the networks at the joints: u jumps there by the error of the training.
    """

    ends: Tensor

    def __init__(self, networks: Sequence[KAN], ends: Sequence[float] | Tensor, axis: int) -> None:
        super().__init__()
        example = networks[0].edges[0].breaks
        joints = torch.as_tensor(ends, dtype=example.dtype, device=example.device)
        if len(joints) != len(networks) + 1 or not bool((joints.diff() > 0).all()):
            raise ValueError(f"{len(networks)} windows need {len(networks) + 1} increasing ends")
        if len({(network.inputs, network.outputs) for network in networks}) != 1:
            raise ValueError("the networks of all windows need equally many inputs and outputs")
        self.networks = nn.ModuleList(networks)
        self.axis = axis
        self.register_buffer("ends", joints)

    @property
    def windows(self) -> list[KAN]:
        """The networks, typed."""
        return [network for network in self.networks if isinstance(network, KAN)]

    @property
    def inputs(self) -> int:
        """The number d of coordinates."""
        return self.windows[0].inputs

    @property
    def outputs(self) -> int:
        """The number F of fields."""
        return self.windows[0].outputs

    @property
    def count(self) -> int:
        """The number P of parameters of all windows."""
        return sum(network.count for network in self.windows)

    @property
    def stack(self) -> list[Layer]:
        """The layers of the last window; those of the others have as many nodes."""
        return self.windows[-1].stack

    @property
    def edges(self) -> list[Edges]:
        """All groups of edges, window after window, in the order of the parameters."""
        return [group for network in self.windows for group in network.edges]

    @property
    def intervals(self) -> tuple[int, ...]:
        """The grid intervals of each group of edges of the last window."""
        return self.windows[-1].intervals

    @property
    def factors(self) -> tuple[Edges, ...]:
        """Nothing: no product of univariate functions changes from window to window."""
        return ()

    @property
    def rank(self) -> int:
        """0: not separable as a whole."""
        return 0

    @property
    def terms(self) -> Terms | None:
        """None: no singular terms."""
        return None

    def window_of(self, x: Tensor) -> Tensor:  # (N, d) -> (N,) int64
        """The number of the window that each point lies in."""
        return torch.bucketize(x.detach()[:, self.axis].contiguous(), self.ends[1:-1], right=True)

    def forward(self, x: Tensor) -> Tensor:  # (..., d) -> (..., F)
        """u(x), differentiable by x inside of each window and by the parameters."""
        flat = x.reshape(-1, x.shape[-1])
        value = self.jet(flat, [(0,) * self.inputs])[(0,) * self.inputs]  # (F, N)
        return value.T.reshape(*x.shape[:-1], self.outputs)

    def jet(self, x: Tensor, indices: Iterable[MultiIndex]) -> dict[MultiIndex, Tensor]:  # (N, d) -> (F, N) each
        """The partial derivatives of u, from the side of the window that the point belongs to."""
        wanted = list(indices)
        window = self.window_of(x)
        order = torch.argsort(window, stable=True)
        counts = torch.bincount(window, minlength=len(self.windows)).tolist()
        parts: dict[MultiIndex, list[Tensor]] = {alpha: [] for alpha in wanted}
        for network, points in zip(self.windows, x[order].split(counts), strict=True):
            if len(points):
                for alpha, values in network.jet(points, wanted).items():
                    parts[alpha].append(values)
        back = torch.argsort(order)
        empty = x.new_zeros(self.outputs, 0)
        return {alpha: torch.cat([empty, *values], 1)[:, back] for alpha, values in parts.items()}

    def with_edges(self, edges: Sequence[Edges]) -> WindowedKAN:
        """The same wiring and windows with other groups of edges, window after window."""
        remaining = list(edges)
        networks = [network.with_edges([remaining.pop(0) for _ in network.edges]) for network in self.windows]
        return WindowedKAN(networks, self.ends, self.axis)

    def spec(self) -> dict[str, Any]:
        """The architectures, the grids and the windows in plain types, for JSON; the weights are in ``state_dict``."""
        return {"windows": self.ends.tolist(), "axis": self.axis, "networks": [network.spec() for network in self.windows]}

    @classmethod
    def from_spec(
        cls, spec: dict[str, Any], dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu"
    ) -> WindowedKAN:
        """The network that ``spec()`` describes, with all coefficients zero: then ``load_state_dict``."""
        return cls([KAN.from_spec(network, dtype, device) for network in spec["networks"]], spec["windows"], spec["axis"])
