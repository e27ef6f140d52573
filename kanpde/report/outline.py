"""The outline of a plane shape in a picture: drawn as a line, and what lies beyond it cut off."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from kanpde.geometry import Domain
from kanpde.report import style

_POINTS = 200  # along each curved piece of the boundary


def outline(domain: Domain) -> Path | None:
    """Every loop of the boundary of a plane shape as one path; None for a box, and for shapes in space."""
    if domain.is_box or len(domain.region_axes) != 2:
        return None
    bounds = domain.boundary
    curves = []
    for loop in bounds.loops:
        pieces = [bounds.pieces[number] for number in loop.pieces]
        points = np.vstack([piece.at(np.linspace(0, 1, 2 if piece.straight else _POINTS)) for piece in pieces])
        curves.append(Path(np.vstack([points, points[:1]]), closed=True))
    return Path.make_compound_path(*curves)


def trim(axes: Axes, path: Path, *drawn: object) -> None:
    """Draw the outline and cut pictures off at it."""
    patch = PathPatch(path, facecolor="none", edgecolor=style.INK, linewidth=0.8)
    axes.add_patch(patch)
    for artist in drawn:
        if hasattr(artist, "set_clip_path"):
            artist.set_clip_path(patch)


def grown(values: np.ndarray, steps: int = 2) -> np.ndarray:  # (N_y, N_x)
    """The picture with its NaN next to numbers replaced by their means: what is cut off at the outline leaves no gap."""
    for _ in range(steps):
        padded = np.pad(values, 1, constant_values=np.nan)
        rows, columns = values.shape
        around = np.stack([padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)])
        known = np.isfinite(around)
        count = known.sum(0)
        mean = np.where(known, around, 0).sum(0) / np.maximum(count, 1)
        values = np.where(np.isfinite(values) | (count == 0), values, mean)
    return values
