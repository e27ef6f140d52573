"""Solutions on shapes, with singular terms, in pieces, and in three coordinates: right values inside, a clear word outside."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from made import MATERIALS, PLATE, corner_terms, solution_of, spline_network

from kanpde.errors import ProblemError
from kanpde.geometry import halfspace
from kanpde.kan import KAN, PiecewiseKAN
from kanpde.results import Solution

SQUARE = np.array([[-1.0, 1.0], [-1.0, 1.0]])
CUBE = np.array([[-1.0, 1.0], [-1.0, 1.0], [0.0, 1.0]])


def singular(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    w = (x - 0.25 + 1j * (y - 0.5)) * np.exp(-0.7j)
    return (0.5 * w ** (2 / 3) - 0.25j * w ** (2 / 3)).real


def test_values_inside_of_a_shape_are_those_of_the_network(holed: Solution) -> None:
    x, y = np.array([-0.5, 0.9, 0.25, 1.0]), np.array([0.2, -0.3, 0.81, 1.0])
    assert holed(x=x, y=y) == pytest.approx(x * y**2 + singular(x, y), rel=1e-12)
    step = 1e-5
    slope = (holed(x=0.6 + step, y=-0.1) - holed(x=0.6 - step, y=-0.1)) / (2 * step)
    assert holed.derivative("u_x", x=0.6, y=-0.1) == pytest.approx(slope, rel=1e-9)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (0.25, 0.5, "the point x = 0.25, y = 0.5 is outside the domain"),
        (np.array([0.0, 0.25]), np.array([[0.0], [0.7]]), "the point x = 0.25, y = 0.7 is outside the domain"),
        (1.5, 0.0, "x = 1.5 is outside the domain, -1 <= x <= 1"),
        (0.25, 0.8 - 1e-6, "the point x = 0.25, y = 0.799999 is outside the domain"),
    ],
)
def test_points_in_a_hole_are_refused(holed: Solution, x, y, message: str) -> None:
    for call in (holed, lambda **at: holed.derivative("u_xy", **at)):
        with pytest.raises(ProblemError) as refused:
            call(x=x, y=y)
        assert refused.value.message == message
    assert "plate, hole" in str(refused.value.hint) or "<=" in message


def test_points_on_the_boundary_are_inside_whatever_their_rounding(holed: Solution) -> None:
    angle = np.linspace(0, 2 * np.pi, 1000)
    for error in (-1e-10, 0.0, 1e-10):
        x, y = 0.25 + (0.3 + error) * np.cos(angle), 0.5 + (0.3 + error) * np.sin(angle)
        assert np.isfinite(holed(x=x, y=y)).all()
    with pytest.raises(ProblemError, match="is outside the domain"):
        holed(x=0.25 + (0.3 - 1e-7) * np.cos(angle), y=0.5 + (0.3 - 1e-7) * np.sin(angle))


def test_grids_hold_nan_outside_and_the_same_values_inside(holed: Solution) -> None:
    x, y = np.linspace(-1, 1, 41), np.linspace(-1, 1, 31)[:, None]
    inside = np.hypot(x - 0.25, y - 0.5) >= 0.3
    for name in ("u", "u_xyy"):
        grid = holed.on_grid(name, {"x": x, "y": y})
        assert np.array_equal(np.isfinite(grid), inside)
        points = np.nonzero(inside)
        single = holed.derivative(name, x=x[points[1]], y=y[points[0], 0])
        assert grid[inside] == pytest.approx(single, rel=1e-11, abs=1e-11)


def test_pieces_meet_at_the_interface(materials: Solution) -> None:
    x, y = np.linspace(-1, 1, 21), np.linspace(0, 1, 11)[:, None]
    expected = np.where(x <= 0, x * y, 3 * x * y + x**2)
    assert materials(x=x, y=y) == pytest.approx(expected, abs=1e-12)
    assert materials(x=np.broadcast_to(x, (11, 21)), y=np.broadcast_to(y, (11, 21))) == pytest.approx(expected, abs=1e-12)
    slope = materials.derivative("u_x", x=x, y=y)
    assert slope == pytest.approx(np.where(x <= 0, y + 0 * x, 3 * y + 2 * x), abs=1e-11)
    assert materials.parameters == materials.network.count


def test_pieces_may_have_terms_of_their_own() -> None:
    x, y = np.linspace(-1, 1, 15), np.linspace(0, 1, 12)[:, None]
    whole = spline_network(np.array([[-1.0, 1.0], [0.0, 1.0]]), [[lambda x: x] * 2, [lambda y: y] * 2], outputs=2)
    terms = corner_terms((0.0, -0.5), fields=2)
    solution = solution_of(MATERIALS, PiecewiseKAN(whole.with_terms(terms), [halfspace("left", (1.0, 0.0), 0.0).spec()]))
    w = (x + 1j * (y + 0.5)) * np.exp(-0.7j)
    expected = x * y + np.where(x <= 0, 0.5 * w ** (2 / 3), -0.25j * w ** (2 / 3)).real
    assert solution(x=x, y=y) == pytest.approx(expected, abs=1e-12)
    assert solution(x=x + 0 * y, y=y + 0 * x) == pytest.approx(expected, abs=1e-12)


def test_three_coordinates_broadcast_like_two(block: Solution) -> None:
    x, y, z = np.linspace(0, 1, 5), np.linspace(0, 2, 4)[:, None], np.linspace(-1, 1, 3)[:, None, None]
    assert block(x=x, y=y, z=z) == pytest.approx(x * (1 + y**2) * z**3, abs=1e-12)
    assert block.derivative("u_xyz", x=x, y=y, z=z) == pytest.approx(6 * y * z**2 + 0 * x, abs=1e-10)


def test_a_shape_in_space(ball: Solution) -> None:
    x, y, z = np.linspace(-1, 1, 21), np.linspace(-1, 1, 19)[:, None], np.linspace(0, 1, 11)[:, None, None]
    inside = (x**2 + y**2 + z**2 <= 1 + 1e-9) & (np.hypot(x, y) >= 0.25 - 1e-9) & (z >= 0)
    for name, values in (("u", x + y * z), ("v", x * y * z)):
        grid = ball.on_grid(name, {"x": x, "y": y, "z": z})
        assert np.array_equal(np.isfinite(grid), inside)
        assert grid[inside] == pytest.approx(np.broadcast_to(values, grid.shape)[inside], abs=1e-12)
    assert ball["v"](x=0.6, y=0.0, z=0.8) == pytest.approx(0.0, abs=1e-14)  # on the sphere
    with pytest.raises(ProblemError, match=r"the point x = 0\.1, y = 0, z = 0\.5 is outside the domain"):
        ball["u"](x=0.1, y=0.0, z=0.5)


def test_several_outputs_of_a_deep_network_with_terms() -> None:
    net = KAN([2, 3, 1], grid=3, degree=4, domain=SQUARE.tolist(), generator=torch.Generator().manual_seed(0))
    solution = solution_of(PLATE, net.with_terms(corner_terms((0.25, 0.5))))
    x, y = np.array([-0.5, 0.9]), np.array([[0.2], [-0.3]])
    points = torch.tensor([[a, b] for b in y[:, 0] for a in x])
    expected = net(points)[:, 0].detach().numpy().reshape(2, 2) + singular(x, y)
    assert solution(x=x, y=y) == pytest.approx(expected, rel=1e-12)
