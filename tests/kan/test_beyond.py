"""Beyond the grids a network is continued by tangents."""

from __future__ import annotations

import torch

from kanpde.kan import KAN
from kanpde.kan.beyond import continued


def network() -> KAN:
    return KAN([2, 3, 1], grid=20, basis="chebyshev", base=None, generator=torch.Generator().manual_seed(0))


def test_inside_it_is_the_network() -> None:
    net, x = network(), 2 * torch.rand(50, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 1
    torch.testing.assert_close(continued(net, x), net(x).detach(), rtol=0, atol=0)


def test_outside_it_is_the_tangent_of_the_nearest_point() -> None:
    net = network()
    at = torch.tensor([[1.0, 0.3]], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(net(at).sum(), at)
    for step in (0.1, 1.0, 10.0):
        x = torch.tensor([[1.0 + step, 0.3]], dtype=torch.float64)
        torch.testing.assert_close(continued(net, x)[0, 0], (net(at)[0, 0] + step * slope[0, 0]).detach(), rtol=1e-12, atol=1e-12)


def test_what_is_known_everywhere_has_no_end() -> None:
    net = KAN([1, 1], base=None).fixed(0, 0, 0, "sin")
    x = torch.tensor([[30.0]], dtype=torch.float64)
    torch.testing.assert_close(continued(net, x), torch.sin(x))
