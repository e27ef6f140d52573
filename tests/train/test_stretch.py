"""Stretched coordinates: monotone, and layers of any width get a share of the same order."""

from __future__ import annotations

import numpy as np
import pytest

from kanpde.train.stretch import stretch


@pytest.mark.parametrize("width", [0.1, 0.02, 0.005])
def test_a_layer_gets_its_share(width: float) -> None:
    x, g = stretch(lambda x: np.tanh((x - 0.3) / width)[:, None], -1.0, 1.0)
    assert (np.diff(x) > 0).all()
    assert (x[0], x[-1], g[0], g[-1]) == (-1, 1, -1, 1)
    inside = np.abs(x - 0.3) < 3 * width
    assert 0.2 < inside.mean() < 0.8


def test_a_constant_or_a_line_is_not_stretched() -> None:
    for slope in (0.0, 3.0):
        x, g = stretch(lambda x, slope=slope: np.stack([slope * x + 1, x * 0], 1), 0.0, 2.0)
        assert np.abs(x - (g + 1)).max() < 0.05


def test_wiggles_of_the_size_of_an_error_hardly_matter() -> None:
    smooth = stretch(lambda x: np.tanh(x / 0.1)[:, None], -1.0, 1.0)[0]
    rough = stretch(lambda x: (np.tanh(x / 0.1) + 1e-4 * np.sin(800 * x))[:, None], -1.0, 1.0)[0]
    assert np.abs(smooth - rough).max() < 0.05
