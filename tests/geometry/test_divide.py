"""A boundary cut where something changes along it."""

import math

import numpy as np

from kanpde.geometry import Combination, boundary
from kanpde.geometry.shapes import SHAPES

PLATE = SHAPES["rectangle"]("plate", (-1.0, -1.0), (1.0, 1.0))
HOLE = SHAPES["disk"]("hole", (0.0, 0.0), 0.5)


def test_cut_at_a_height() -> None:
    whole = boundary(Combination("-", (PLATE, HOLE)))
    found = whole.divided(lambda x, piece: x[:, 1] > 0.25)
    assert len(found.pieces) == 8
    assert found.length == whole.length
    assert found.area == whole.area
    new = [corner for corner in found.corners if corner.angle == math.pi]
    np.testing.assert_allclose(
        sorted(c.point.tolist() for c in new),
        sorted([[-1, 0.25], [-math.sqrt(3) / 4, 0.25], [math.sqrt(3) / 4, 0.25], [1, 0.25]]),
        atol=1e-15,
    )
    assert [corner.straight for corner in sorted(new, key=lambda c: c.point[0])] == [True, False, False, True]
    for corner in found.corners:
        np.testing.assert_allclose(found.pieces[corner.before].end, corner.point, atol=1e-14)
        np.testing.assert_allclose(found.pieces[corner.after].start, corner.point, atol=1e-14)
        along = found.pieces[corner.after].velocity(np.zeros(1))[0]
        assert math.atan2(along[1], along[0]) == corner.start
    points = found.points(0.01)
    for k in range(len(found.pieces)):
        assert len(set(points.x[points.piece == k, 1] > 0.25)) == 1
    assert [len(loop.pieces) for loop in found.loops] == [6, 2]


def test_labels_by_piece_cut_nothing() -> None:
    whole = boundary(Combination("-", (PLATE, HOLE)))
    found = whole.divided(lambda x, piece: piece)
    assert len(found.pieces) == len(whole.pieces)
    assert len(found.corners) == len(whole.corners)


def test_a_stretch_around_the_seam_of_a_circle() -> None:
    """Two thirds of a rim, the third around angle 0, where the parameter begins anew."""
    found = boundary(HOLE).divided(lambda x, piece: x[:, 0] > 0.25)
    assert sorted(piece.length for piece in found.pieces) == [math.pi / 3, 2 * math.pi / 3] or np.allclose(
        sorted(piece.length for piece in found.pieces), [math.pi / 3, 2 * math.pi / 3], atol=1e-14
    )
    (short,) = [piece for piece in found.pieces if piece.length < 1.5]
    np.testing.assert_allclose(short.at(np.array([0.5]))[0], [0.5, 0], atol=1e-15)


def test_a_change_where_pieces_meet_smoothly() -> None:
    """A stadium of a rectangle and two disks, whose names change where line and circle touch: four changes, no corner."""
    ends = (SHAPES["disk"]("right", (1.0, 0.0), 1.0), SHAPES["disk"]("left", (-1.0, 0.0), 1.0))
    whole = boundary(Combination("+", (PLATE, *ends)))
    assert whole.corners == ()
    names = ("plate", "left", "right")
    found = whole.divided(lambda x, piece: np.array([names.index(whole.pieces[int(k)].name) for k in piece]))
    np.testing.assert_allclose(sorted(c.point.tolist() for c in found.corners), [[-1, -1], [-1, 1], [1, -1], [1, 1]], atol=1e-15)
    for corner in found.corners:
        assert corner.angle == math.pi
        assert not corner.straight
        np.testing.assert_allclose(found.pieces[corner.before].end, found.pieces[corner.after].start, atol=1e-15)
    assert whole.divided(lambda x, piece: 0 * piece).corners == ()
