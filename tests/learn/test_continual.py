"""Further data do not undo what earlier data determined."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import kanpde
from kanpde.kan import KAN
from kanpde.kan.refine import finer
from kanpde.learn.data import Data
from kanpde.learn.memory import Memory
from kanpde.learn.objective import Misfit
from kanpde.optimize import LevenbergMarquardt

CENTRES = np.linspace(-0.8, 0.8, 5)
DENSE = np.linspace(-1, 1, 2001)


def _peaks(x: np.ndarray) -> np.ndarray:
    return np.exp(-300 * (x[:, None] - CENTRES) ** 2).sum(1)


def _stage(peak: int, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    x = np.linspace(CENTRES[peak] - 0.2, CENTRES[peak] + 0.2, 200)
    return x, _peaks(x) + noise * np.random.default_rng(peak).normal(size=200)


def _first(basis: str = "bspline", base: str = "zero", grid: int = 60, noise: float = 0.0) -> kanpde.Regression:
    words = {"widths": [1, 1], "grid": grid, "basis": basis, "base": base, "domain": [[-1, 1]]}
    return kanpde.fit(*_stage(0, noise), **words, validation=0.0, smoothness=0.0)


def _rmse(fit: kanpde.Regression) -> float:
    return float(np.sqrt(np.mean((fit(DENSE) - _peaks(DENSE)) ** 2)))


def test_local_bases_keep_earlier_peaks_without_a_memory() -> None:
    fit = _first(grid=100)
    for peak in range(1, 5):
        before = fit.network.edges[0].coefficients.detach()[0, 0]
        fit = fit.learn(*_stage(peak), remember=False)
        moved = fit.network.edges[0].coefficients.detach()[0, 0] != before
        breaks, (lower, upper) = fit.network.edges[0].breaks[0], (CENTRES[peak] - 0.2, CENTRES[peak] + 0.2)
        knots = torch.cat([breaks[:1].expand(3), breaks, breaks[-1:].expand(3)])
        reached = (knots[:-4] < upper + 1e-12) & (knots[4:] > lower - 1e-12)  # the support of each function
        assert not moved[~reached].any()  # to the bit
        assert int(moved.sum()) > 15
    assert _rmse(fit) < 2e-4


def test_polynomials_forget_without_a_memory() -> None:
    fit = _first("chebyshev")
    early = _stage(0)
    assert np.abs(fit(early[0]) - early[1]).max() < 1e-4
    assert np.abs(fit.learn(*_stage(1), remember=False)(early[0]) - early[1]).max() > 1


@pytest.mark.parametrize(("basis", "base"), [("bspline", "zero"), ("bspline", "silu"), ("chebyshev", "zero")])
def test_a_memory_gives_what_all_data_together_give(basis: str, base: str) -> None:
    """Recursive least squares: a network of one layer is linear, so nothing is lost but the points."""
    noise = 0.02
    fit = _first(basis, base, 40, noise)
    for peak in range(1, 5):
        fit = fit.learn(*_stage(peak, noise))
    x, y = (np.concatenate(part) for part in zip(*(_stage(peak, noise) for peak in range(5)), strict=True))
    words = {"widths": [1, 1], "grid": 40, "basis": basis, "base": base, "domain": [[-1, 1]]}
    together = kanpde.fit(x, y, **words, validation=0.0, smoothness=0.0)
    assert np.abs(fit(x) - together(x)).max() < 2e-3  # a tenth of the noise: polynomials of one part are hardly determined
    if (basis, base) == ("bspline", "zero"):
        np.testing.assert_allclose(fit(x), together(x), rtol=0, atol=1e-9)
    assert "at 800 earlier points the function has changed by" in fit.outcome


def test_grids_grow_for_further_data_and_the_memory_with_them() -> None:
    """Knots are those of equal intervals on the whole, so the result is that of a grid that was there from the beginning."""
    fit = kanpde.fit(*_stage(0, 0.02), widths=[1, 1], basis="bspline", grid=10, base="zero", validation=0.0, smoothness=0.0)
    for peak in range(1, 5):
        fit = fit.learn(*_stage(peak, 0.02))
        assert "lie outside" in fit.outcome
        assert "the grid now reaches over" in fit.outcome
    assert fit.network.intervals == (50,)
    x, y = (np.concatenate(part) for part in zip(*(_stage(peak, 0.02) for peak in range(5)), strict=True))
    together = kanpde.fit(x, y, widths=[1, 1], basis="bspline", grid=50, base="zero", validation=0.0, smoothness=0.0)
    np.testing.assert_allclose(fit(x), together(x), rtol=0, atol=1e-6)


def test_a_deep_network_keeps_what_it_has_learned() -> None:
    generator = np.random.default_rng(0)
    left, right = generator.uniform([-1, -1], [0, 1], (300, 2)), generator.uniform([0, -1], [1, 1], (300, 2))

    def u(x: np.ndarray) -> np.ndarray:
        return np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)

    words = {"widths": [2, 1, 1], "basis": "bspline", "grid": 6, "base": "zero", "domain": [[-1, 1], [-1, 1]]}
    first = kanpde.fit(left, u(left), **words, validation=0.0, smoothness=0.0, steps=60)
    kept, lost = (first.learn(right, u(right), remember=remember, steps=60) for remember in (True, False))
    before, after, without = (float(np.sqrt(np.mean((fit(left) - u(left)) ** 2))) for fit in (first, kept, lost))
    assert after < 3 * before
    assert after < 0.02 * without
    assert np.sqrt(np.mean((kept(right) - u(right)) ** 2)) < 0.01
    assert "at 300 earlier points" in kept.outcome


@pytest.mark.parametrize("basis", ["bspline", "chebyshev", "rbf"])
def test_a_memory_measures_the_change_at_the_points(basis: str) -> None:
    net = KAN([2, 1], grid=5, basis=basis, generator=torch.Generator().manual_seed(0))
    x = 2 * torch.rand(300, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 1
    y = net(x).detach() * 3
    data = Data(x, y, ("a", "b"), ("y",), torch.tensor([[-1.0, 1.0]] * 2).double())
    memory = Memory.of(net, data)
    assert memory.error(net) < 1e-12
    other = KAN([2, 1], grid=5, basis=basis, generator=torch.Generator().manual_seed(2))
    expected = float(((other(x) - net(x)) / data.scale).detach().square().mean().sqrt())
    assert memory.error(other) == pytest.approx(expected, rel=1e-9)
    assert memory.error(finer(other, 10)) == pytest.approx(expected, rel=1e-4)  # the grid is another, the function the same
    with pytest.raises(ValueError, match="only its grids may differ"):
        memory.error(KAN([2, 2, 1], grid=5, basis=basis))


def test_memories_add_up() -> None:
    """The memory of two parts, one after the other, is that of both: R^T R is the sum of J^T J."""
    net = KAN([1, 1], grid=6, generator=torch.Generator().manual_seed(0))
    x = torch.linspace(-1, 1, 101, dtype=torch.float64)[:, None]
    data = Data(x, net(x).detach(), ("x",), ("y",), torch.tensor([[-1.0, 1.0]]).double())
    whole = Memory.of(net, data)
    both = Memory.of(net, data.part(torch.arange(50, 101)), Memory.of(net, data.part(torch.arange(50))))
    factor = data.part(torch.arange(50)).scale / data.scale
    torch.testing.assert_close((both.triangle * factor).T @ (both.triangle * factor), whole.triangle.T @ whole.triangle)
    assert both.points == 101
    problem = Misfit(net, data, both.around(net, 101), scale=both.scale)
    outcome = LevenbergMarquardt()(problem, problem.theta, 5)
    torch.testing.assert_close(outcome.theta, problem.theta)  # nothing new, nothing changes


def test_further_data_have_the_columns_of_the_first() -> None:
    fit = _first(grid=5)
    with pytest.raises(ValueError, match="is wanted, with columns x"):
        fit.learn(np.zeros((5, 2)), np.zeros(5))
    with pytest.raises(ValueError, match="has no word 'widths'; fit a new one"):
        fit.learn(*_stage(1), widths=[1, 1])
