"""Ridges: hidden nodes are linear in the stretched coordinates, and the outer layer alone spans the polynomials."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kanpde.assembly.imitation import Imitation
from kanpde.kan import BASES, KAN, Grid
from kanpde.kan.ridges import ridges

X = torch.as_tensor(np.random.default_rng(2).uniform([-1, 0], [1, 3], (400, 2)))


def _network(hidden: tuple[int, ...], outputs: int = 1, basis: str = "bspline") -> tuple[KAN, torch.Tensor]:
    angle = torch.pi * (torch.arange(hidden[0], dtype=torch.float64) + 0.5) / hidden[0]
    directions = torch.stack([angle.cos(), angle.sin()], 1)
    grids = [Grid.uniform(-1, 1, 6, 5), Grid.uniform(0, 3, 6, 5)]
    ends = [torch.tensor([-1.0, 1.0], dtype=torch.float64), torch.tensor([0.0, 3.0], dtype=torch.float64)]
    stretched = [(x, ends[0]) for x in ends]
    return ridges(grids, stretched, directions, hidden, outputs, 8, basis), directions


@pytest.mark.parametrize("basis", BASES)
def test_hidden_nodes_are_the_ridges(basis: str) -> None:
    network, directions = _network((5,), basis=basis)
    zero = (0, 0)
    nodes, _ = network.stack[0].push({zero: X.T.contiguous()})
    expected = directions @ torch.stack([X[:, 0], X[:, 1] * 2 / 3 - 1])
    assert torch.allclose(nodes[zero], expected, atol=1e-12)
    assert not network(X).any()


@pytest.mark.parametrize("basis", BASES)
def test_a_further_hidden_layer_passes_them_on(basis: str) -> None:
    network, directions = _network((5, 7), basis=basis)
    jet = {(0, 0): X.T.contiguous()}
    for layer in network.stack[:2]:
        jet, _ = layer.push(jet)
    expected = directions @ torch.stack([X[:, 0], X[:, 1] * 2 / 3 - 1])
    assert torch.allclose(jet[(0, 0)], expected[torch.arange(7) % 5], atol=1e-12)


def test_ridges_of_six_directions_are_all_polynomials_of_degree_five() -> None:
    network, _ = _network((6,))
    a, b = X[:, 0], X[:, 1] * 2 / 3 - 1
    values = sum((p + 2 * q + 1) * a**p * b**q for p in range(6) for q in range(6 - p))[None]
    r, transposed = (f := Imitation(network, X, values)).linearise(f.theta)
    outer = network.stack[0].count
    step = torch.linalg.lstsq(transposed[outer:].T, -r[:, None], driver="gelsd").solution[:, 0]
    theta = torch.cat([f.theta[:outer], f.theta[outer:] + step])
    assert f.residual(theta).norm() < 1e-9 * values.norm() / len(X) ** 0.5


def test_imitation_is_differentiated_exactly() -> None:
    network = KAN([2, 3, 2], grid=4, degree=4, domain=[[-1, 1], [0, 3]], generator=torch.Generator().manual_seed(3))
    imitation = Imitation(network, X, torch.stack([X[:, 0], X[:, 1]]))
    theta = imitation.theta
    _, transposed = imitation.linearise(theta)
    v = torch.randn(len(theta), generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    h = 1e-6
    difference = (imitation.residual(theta + h * v) - imitation.residual(theta - h * v)) / (2 * h)
    assert torch.allclose(v @ transposed, difference, rtol=1e-6, atol=1e-8)
