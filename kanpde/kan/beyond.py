"""Values beyond the grids of the inputs: the tangent at the nearest point inside, since polynomials mean nothing there."""

from __future__ import annotations

import torch
from torch import Tensor

from kanpde.kan.network import KAN


@torch.no_grad()
def continued(net: KAN, x: Tensor) -> Tensor:  # (N, d) -> (N, n_out)
    """u(x) inside the grids of the inputs, and u(p) + grad u(p) (x - p) outside, with p the nearest point of the box inside.

    A polynomial of degree 50 reaches 1e30 a twentieth of its interval further on; a tangent stays of the size of the function.
    Inputs whose edges are all symbolic have no grid, and no end.
    """
    lower, upper = _ends(net, x)
    inside = torch.minimum(torch.maximum(x, lower), upper)
    values: Tensor = net(inside)
    beyond = (inside != x).any(1)
    if bool(beyond.any()):
        p, step = inside[beyond], (x - inside)[beyond]
        units = [tuple(int(i == axis) for i in range(net.inputs)) for axis in range(net.inputs)]
        jet = net.jet(p, units)
        values[beyond] += sum(jet[unit].T * step[:, axis : axis + 1] for axis, unit in enumerate(units))
    return values


def _ends(net: KAN, x: Tensor) -> tuple[Tensor, Tensor]:  # (d,), (d,)
    """The interval on which every living edge of an input has its grid."""
    lower, upper = x.new_full((net.inputs,), -torch.inf), x.new_full((net.inputs,), torch.inf)
    layer = net.stack[0]
    for group, source in zip(layer.edges, layer.sources, strict=True):
        for row, i in enumerate(source):
            if bool(group.alive[row]):
                lower[i] = torch.maximum(lower[i], group.breaks[row, 0])
                upper[i] = torch.minimum(upper[i], group.breaks[row, -1])
    return lower, upper
