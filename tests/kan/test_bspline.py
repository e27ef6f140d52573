"""B-splines: partition of unity, locality, derivatives, and knot insertion that changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline as Reference

from kanpde.kan.bspline import insert_knots, local_basis, open_knots

steps = st.lists(st.floats(0.05, 1.0), min_size=1, max_size=8)


def _breaks(lengths: list[float]) -> torch.Tensor:
    return torch.cumsum(torch.tensor([-0.7, *lengths], dtype=torch.float64), 0)


@settings(deadline=None, max_examples=60)
@given(steps, st.integers(0, 9), st.floats(0, 1))
def test_partition_of_unity(lengths: list[float], degree: int, where: float) -> None:
    breaks = _breaks(lengths)
    x = (breaks[0] + where * (breaks[-1] - breaks[0])).reshape(1, 1)
    _, values = local_basis(x, open_knots(breaks[None], degree), degree, min(degree, 2))
    assert float(values[0].sum()) == pytest.approx(1.0, abs=1e-13)
    assert float(values[0].min()) >= -1e-14
    for order in range(1, values.shape[0]):
        assert float(values[order].sum()) == pytest.approx(0.0, abs=1e-10 * float(values[order].abs().max() + 1))


@settings(deadline=None, max_examples=30)
@given(steps, st.integers(1, 9), st.integers(0, 2**31))
def test_values_and_derivatives_equal_those_of_scipy(lengths: list[float], degree: int, seed: int) -> None:
    breaks = _breaks(lengths)
    generator = np.random.default_rng(seed)
    c = generator.standard_normal(len(breaks) - 1 + degree)
    knots = open_knots(breaks, degree)
    spline = Reference(knots.numpy(), c, degree)
    x = torch.as_tensor(generator.uniform(float(breaks[0]), float(breaks[-1]), 17))
    first, values = local_basis(x[None], knots[None], degree, degree + 1)
    mine = (torch.as_tensor(c)[first + torch.arange(degree + 1)[:, None]] * values[:, :, 0]).sum(1)
    for order in range(degree + 1):
        expected = spline.derivative(order)(x.numpy()) if order else spline(x.numpy())
        assert mine[order].numpy() == pytest.approx(expected, abs=1e-9 * (np.abs(expected).max() + 1e-300))
    assert not mine[degree + 1].any()


@settings(deadline=None, max_examples=40)
@given(steps, st.integers(1, 9), st.lists(st.floats(0.01, 0.99), min_size=1, max_size=5, unique=True), st.integers(0, 2**31))
def test_knot_insertion_leaves_the_spline_unchanged(lengths: list[float], degree: int, places: list[float], seed: int) -> None:
    breaks = _breaks(lengths)
    inserted = breaks[0] + torch.tensor(sorted(places), dtype=torch.float64) * (breaks[-1] - breaks[0])
    gaps = torch.cat([breaks, inserted]).sort().values.diff()
    if float(gaps.min()) < 1e-3:
        return
    c = torch.randn(2, len(breaks) - 1 + degree, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    finer_c, finer = insert_knots(c, breaks, inserted, degree)
    assert finer.tolist() == sorted([*breaks.tolist(), *inserted.tolist()])
    x = torch.linspace(float(breaks[0]), float(breaks[-1]), 101, dtype=torch.float64)
    before, after = (_evaluate(k, b, x, degree) for k, b in ((c, breaks), (finer_c, finer)))
    assert float((before - after).abs().max()) < 1e-12 * float(c.abs().max())


def _evaluate(c: torch.Tensor, breaks: torch.Tensor, x: torch.Tensor, degree: int) -> torch.Tensor:
    first, values = local_basis(x[None], open_knots(breaks, degree)[None], degree)
    return (c[:, first + torch.arange(degree + 1)[:, None]] * values[0, :, 0]).sum(1)


def test_outside_the_grid_the_last_piece_continues() -> None:
    """A cubic on one interval is that cubic everywhere."""
    breaks = torch.tensor([0.0, 1.0], dtype=torch.float64)
    c = torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)  # x^3
    x = torch.tensor([-1.0, 0.5, 2.0], dtype=torch.float64)
    assert _evaluate(c, breaks, x, 3)[0].tolist() == pytest.approx([-1.0, 0.125, 8.0], abs=1e-14)
