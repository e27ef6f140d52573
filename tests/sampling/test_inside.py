"""Points in a shape, from every sampler of the box around it."""

import numpy as np
import pytest

from kanpde.geometry import Combination, Domain
from kanpde.geometry.shapes import SHAPES
from kanpde.sampling import SAMPLERS, Request, inside

BOUNDS = np.array([[-1.0, 1.0], [-1.0, 1.0], [0.0, 2.0]])
RING = Combination("-", (SHAPES["disk"]("rim", (0.0, 0.0), 1.0), SHAPES["disk"]("hole", (0.0, 0.0), 0.5)))
DOMAIN = Domain(("x", "y", "t"), BOUNDS, time="t", shape=RING)


@pytest.mark.parametrize("name", SAMPLERS)
def test_points_of_a_ring(name: str) -> None:
    """The mean of r^2 over a ring from r = 1/2 to 1 is (1 - 1/16)/2 / (1 - 1/4) = 5/8."""
    points = inside(SAMPLERS[name], Request(BOUNDS, 4000, seed=1, residual=lambda x: np.ones(len(x))), DOMAIN)
    assert DOMAIN.contains(points.x).all()
    assert points.count == pytest.approx(4000, rel=0.35)  # Gauss points come in cubes
    assert points.weight.sum() == pytest.approx(1)
    assert points.weight @ (points.x[:, :2] ** 2).sum(1) == pytest.approx(5 / 8, abs=0.02)


def test_adaptive_points_do_not_crowd_outside() -> None:
    """A residual that is huge in the hole, where no equation holds."""
    request = Request(BOUNDS, 1000, residual=lambda x: np.where(np.hypot(x[:, 0], x[:, 1]) < 0.5, 1e6, 1.0))
    assert inside(SAMPLERS["residual-adaptive"], request, DOMAIN).count > 800


def test_a_box_is_sampled_as_ever() -> None:
    box = Domain(("x", "y", "t"), BOUNDS, time="t")
    request = Request(BOUNDS, 500, seed=3)
    np.testing.assert_array_equal(inside(SAMPLERS["sobol"], request, box).x, SAMPLERS["sobol"](request).x)
