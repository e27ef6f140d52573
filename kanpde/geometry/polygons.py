"""Polygons: which points lie in one, and whether its outline is one at all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

FEW = 24  # sides up to which every point is asked about every side


def in_polygon(
    corners: np.ndarray,  # (n, 2)
    x: np.ndarray,  # (N, 2)
) -> np.ndarray:  # (N,) bool
    """Even-odd rule: a ray to the right crosses the outline an odd number of times."""
    x0, y0 = corners.T
    x1, y1 = np.roll(corners, -1, 0).T
    sides = np.flatnonzero(y0 != y1)
    inside = np.zeros(len(x), bool)
    if len(sides) <= FEW:
        px, py = np.ascontiguousarray(x.T)
        for k in sides:
            slope = (x1[k] - x0[k]) / (y1[k] - y0[k])
            inside ^= ((py < y0[k]) != (py < y1[k])) & (px < x0[k] + (py - y0[k]) * slope)
        return inside
    # sorted by height, the points that a side can tell anything of are a slice: each is touched a few times, not n times
    order = np.argsort(x[:, 1], kind="stable")
    px, py = x[order].T.copy()
    below = np.searchsorted(py, np.minimum(y0, y1))
    above = np.searchsorted(py, np.maximum(y0, y1))
    for k in sides:
        part = slice(below[k], above[k])
        slope = (x1[k] - x0[k]) / (y1[k] - y0[k])
        inside[part] ^= px[part] < x0[k] + (py[part] - y0[k]) * slope
    result = np.empty(len(x), bool)
    result[order] = inside
    return result


def check_outline(corners: np.ndarray) -> None:  # (n, 2)
    """Raise ValueError for corners that enclose nothing, or whose outline crosses itself.

    It may touch itself, and run along itself and back, as outlines of one line around a hole do.
    """
    if not np.isfinite(corners).all():
        raise ValueError("a corner of the polygon is no number")
    different = corners[(corners != np.roll(corners, 1, 0)).any(1)]
    p = different - different.mean(0) if len(different) else corners
    crossing = _first_crossing(p)
    if crossing is not None:
        x, y = different[crossing]
        raise ValueError(f"the outline crosses itself: at the side that begins at [{x:g}, {y:g}]")
    if abs(_area(p)) < 1e-14 * float(np.ptp(p, 0).prod() or 1):
        raise ValueError("the corners of the polygon lie on a line")


def _area(p: np.ndarray) -> float:  # (n, 2)
    q = np.roll(p, -1, 0)
    return float((p[:, 0] * q[:, 1] - q[:, 0] * p[:, 1]).sum()) / 2


def _side(a: np.ndarray, b: np.ndarray, c: np.ndarray, rounding: float) -> np.ndarray:  # (2,) or (N, 2)
    """On which side of the line from a to b the point c lies; zero where that is lost in rounding."""
    area = (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])
    return np.where(np.abs(area) <= rounding, 0, np.sign(area))


def near_pairs(
    low: np.ndarray,  # (n, d)
    high: np.ndarray,  # (n, d)
) -> Iterator[tuple[int, np.ndarray]]:
    """Which of n boxes meet: one of each pair, and all of its others (m,). Sorted along x, only neighbours are looked at."""
    order = np.argsort(low[:, 0], kind="stable")
    sorted_low, sorted_high = low[order], high[order]
    ends = np.searchsorted(sorted_low[:, 0], sorted_high[:, 0], side="right")
    for k, end in enumerate(ends):
        others = slice(k + 1, end)
        meet = ((sorted_low[others, 1:] <= sorted_high[k, 1:]) & (sorted_high[others, 1:] >= sorted_low[k, 1:])).all(1)
        if meet.any():
            yield int(order[k]), order[others][meet]


def _first_crossing(p: np.ndarray) -> int | None:  # (n, 2), centred
    """A side that crosses another one: in the middle of both, or through a corner."""
    q = np.roll(p, -1, 0)
    size = float(np.ptp(p, 0).max())
    rounding, slack = 1e-13 * size**2, 1e-12 * size
    low, high = np.minimum(p, q) - slack, np.maximum(p, q) + slack
    touched: dict[int, list[int]] = {}  # side: the corners of other sides that lie on it

    def touching(side: int, corner: int) -> None:
        if corner != (side + 1) % len(p) and (p[corner] >= low[side]).all() and (p[corner] <= high[side]).all():
            touched.setdefault(side, []).append(corner)

    for k, near in near_pairs(low, high):
        theirs = _side(p[k], q[k], p[near], rounding), _side(p[k], q[k], q[near], rounding)
        ours = _side(p[near], q[near], p[k], rounding), _side(p[near], q[near], q[k], rounding)
        crossing = (theirs[0] * theirs[1] < 0) & (ours[0] * ours[1] < 0)
        if crossing.any():
            return min(k, int(near[crossing].min()))
        for other in near[theirs[0] == 0]:
            touching(k, int(other))
        for other in near[ours[0] == 0]:
            touching(int(other), k)
    return _crosses_where_it_touches(p, q, touched) if touched else None


def _crosses_where_it_touches(p: np.ndarray, q: np.ndarray, touched: dict[int, list[int]]) -> int | None:
    """The first side with the inside on the wrong side of it, beside some point where another corner touches it.

    Of an outline that only touches itself every part has the inside on its left (or on both sides, or on neither).
    """
    turn = np.sign(_area(p))
    for k, corners in sorted(touched.items()):
        along = q[k] - p[k]
        cuts = np.unique(np.clip([0, 1, *((p[corners] - p[k]) @ along / (along @ along))], 0, 1))
        middles = p[k] + ((cuts[1:] + cuts[:-1]) / 2)[:, None] * along
        aside = 1e-7 * turn * np.array([-along[1], along[0]])
        long = np.diff(cuts) > 1e-9
        if (long & ~in_polygon(p, middles + aside) & in_polygon(p, middles - aside)).any():
            return k
    return None
