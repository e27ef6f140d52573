"""Polygons: which points lie in one, and whether its outline is one at all."""

from __future__ import annotations

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
    """Raise ValueError for corners that enclose nothing, or whose outline crosses itself."""
    p = corners - corners.mean(0)
    q = np.roll(p, -1, 0)
    if not np.isfinite(corners).all():
        raise ValueError("a corner of the polygon is no number")
    if abs(float((p[:, 0] * q[:, 1] - q[:, 0] * p[:, 1]).sum())) < 1e-14 * float(np.ptp(p, 0).prod() or 1):
        raise ValueError("the corners of the polygon lie on a line")
    crossing = _first_crossing(p, q)
    if crossing is not None:
        x, y = corners[crossing]
        raise ValueError(f"the outline crosses itself: at the side that begins at [{x:g}, {y:g}]")


def _first_crossing(p: np.ndarray, q: np.ndarray) -> int | None:  # (n, 2) centred, (n, 2)
    """The first side that properly crosses another one: both ends of each lie on different sides of the other."""

    def side(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        """The sign of the area of triangles; zero where it is lost in rounding."""
        area = (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])
        return np.where(np.abs(area) <= rounding, 0, np.sign(area))

    rounding = 1e-13 * float(np.ptp(p, 0).max()) ** 2
    low, high = np.minimum(p, q), np.maximum(p, q)
    for k in range(len(p) - 2):
        near = k + 2 + np.flatnonzero(((low[k + 2 :] <= high[k]) & (high[k + 2 :] >= low[k])).all(1))
        apart = side(p[k], q[k], p[near]) * side(p[k], q[k], q[near]) < 0
        if (apart & (side(p[near], q[near], p[k]) * side(p[near], q[near], q[k]) < 0)).any():
            return k
    return None
