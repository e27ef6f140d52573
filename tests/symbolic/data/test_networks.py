"""Deep networks as formulas: built by hand, with sums and products, behind affine maps, and trained on noisy data."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import sympy as sp
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from kanpde.kan import BASES, KAN, Edges, Grid, Layer
from kanpde.problem.types import symbol
from kanpde.symbolic.data.edges import snap
from kanpde.symbolic.data.gathered import gathered
from kanpde.symbolic.data.networks import symbolify
from kanpde.symbolic.form import Array, number

x, y = symbol("x"), symbol("y")
Function = Callable[[Array], Array]
UNIT = (-1.0, 1.0)


def group(bounds: Sequence[tuple[float, float]], functions: Sequence[Sequence[Function]]) -> Edges:
    """Splines through given functions, one list an input; right to round-off."""
    grids = [Grid.uniform(a, b, 40, 9) for a, b in bounds]
    edges = Edges(torch.stack([g.breaks for g in grids]), len(functions[0]), 9)
    basis = BASES["bspline"]
    for i, grid in enumerate(grids):
        sites = basis.sites(grid.breaks[None], 9)
        table = basis.table(sites, grid.breaks[None], 9, 0)[0, 0]
        for o, f in enumerate(functions[i]):
            edges.coefficients.data[i, o] = torch.linalg.solve(table.mT, torch.as_tensor(f(sites[0].numpy())))
    return edges


def zero(s: Array) -> Array:
    return 0 * s


def of(first: Layer, second: Layer) -> KAN:
    return KAN.from_layers([first, second], 2, 1)


def test_an_exponential_of_a_sum_with_a_dead_node() -> None:
    """[2, 2, 1] with one node that does nothing: exp(sin(pi x) + y^2)."""
    inner = group([UNIT, UNIT], [[lambda s: np.sin(np.pi * s), zero], [np.square, zero]])
    outer = group([(-1.1, 2.1), UNIT], [[np.exp], [zero]])
    found = symbolify(
        of(Layer([inner], [[0, 1]], [(0, 2)], 2), Layer([outer], [[0, 1]], [(0, 1)], 1)), noise=1e-8, names=("x", "y")
    )
    assert found is not None
    assert len(found.numbers) == 4  # c exp(a sin(b x) + d y^2): nothing that the values cannot tell
    assert snap(found).expression == sp.exp(sp.sin(sp.pi * x) + y**2)


def test_affine_maps_between_layers_are_folded() -> None:
    inner = group([UNIT, UNIT], [[lambda s: 2 * np.sin(np.pi * s) + 0.3], [lambda s: 2 * s**2 + 0.7]])
    outer = group([(-1.2, 5.2)], [[lambda s: np.exp((s - 1) / 2)]])
    found = symbolify(of(Layer([inner], [[0, 1]], [(0, 1)], 1), Layer([outer], [[0]], [(0, 1)], 1)), noise=1e-8, names=("x", "y"))
    assert found is not None
    assert snap(found).expression == sp.exp(sp.sin(sp.pi * x) + y**2)


def test_product_nodes_multiply() -> None:
    first = group([UNIT, UNIT], [[np.sin, lambda s: s + 2, zero], [lambda s: s**3, zero, lambda s: 1 + s**2]])
    second = group([(-2, 2), (0, 7)], [[np.tanh], [lambda s: s / 2]])
    found = symbolify(
        of(Layer([first], [[0, 1]], [(0, 3)], 1, 1), Layer([second], [[0, 1]], [(0, 1)], 1)), noise=1e-8, names=("x", "y")
    )
    assert found is not None
    truth = sp.tanh(sp.sin(x) + y**3) + (x + 2) * (1 + y**2) / 2
    assert sp.expand(snap(found).expression - truth) == 0


def test_a_network_without_a_formula_has_none() -> None:
    generator = torch.Generator().manual_seed(3)
    network = KAN([2, 3, 1], grid=6, degree=3, generator=generator)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    assert symbolify(network, noise=1e-8, seconds=10) is None
    with pytest.raises(ValueError, match="give the noise"):
        symbolify(network)


def trained(network: KAN, points: torch.Tensor, values: torch.Tensor, steps: int = 80) -> KAN:
    """Levenberg-Marquardt on the mean square."""
    damping, zeroth = 1e-2, (0, 0)
    theta = parameters_to_vector(network.parameters()).detach()
    residual = (network(points)[:, 0] - values).detach()
    for _ in range(steps):
        _, pullback = network.linearise(points, [zeroth])
        J = pullback({zeroth: torch.ones(1, len(points), dtype=points.dtype)})  # (P, N)
        A, g = J @ J.T, J @ residual
        step = torch.linalg.solve(A + damping * torch.diag(A.diagonal() + 1e-8 * A.diagonal().max()), g)
        vector_to_parameters(theta - step, network.parameters())
        trial = (network(points)[:, 0] - values).detach()
        if trial @ trial < residual @ residual:
            theta, residual, damping = theta - step, trial, max(damping / 5, 1e-13)
        else:
            damping *= 4
    vector_to_parameters(theta, network.parameters())
    return network


def test_a_network_trained_on_noisy_data() -> None:
    """The issue's exp(sin pi x + y^2), from a thousand values with an error of 1e-3 each."""
    source = torch.Generator().manual_seed(1)
    points = torch.rand(1000, 2, dtype=torch.float64, generator=source) * 2 - 1
    noise = 1e-3 * torch.randn(1000, dtype=torch.float64, generator=source)
    values = torch.exp(torch.sin(np.pi * points[:, 0]) + points[:, 1] ** 2) + noise
    network = trained(KAN([2, 1, 1], grid=5, degree=5, generator=source), points, values)
    network = trained(network.extend(2), points, values)
    found = symbolify(network, samples=(points.numpy(), values.numpy()), noise=1e-3, names=("x", "y"), seconds=60)
    assert found is not None
    assert snap(found).expression == sp.exp(sp.sin(sp.pi * x) + y**2)


def test_numbers_that_stand_together_become_one() -> None:
    a, b, c, d, e = (number(v) for v in (2.0, 3.0, 5.0, 7.0, 0.5))
    A, B, C, D, E = (n.symbol for n in (a, b, c, d, e))
    expression, left = gathered(A * sp.exp(B * (C * sp.sin(x) + D) + E) + D, {n.symbol: n for n in (a, b, c, d, e)})
    assert len(left) == 3
    values = {n.symbol: n.value for n in left}
    truth = 2 * np.exp(3 * (5 * np.sin(0.3) + 7) + 0.5) + 7
    assert float(expression.xreplace(values).xreplace({x: 0.3})) == pytest.approx(truth, rel=1e-14)
