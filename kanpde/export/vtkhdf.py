"""The group ``/VTKHDF``, by which ParaView opens a run file directly: an ImageData whose point data are the same arrays.

Source: VTK File Formats, "VTKHDF File Format", https://docs.vtk.org/en/latest/vtk_file_formats/vtkhdf_file_format. Arrays are
(z, y, x); an axis of one point is left out, so that a field of two coordinates is two-dimensional. Time after two or three
coordinates in space becomes the time of ParaView (group ``Steps``), where arrays are (t, z, y, x). A field u(x, t) is an image in
the (x, t) plane, as is everything where time is not the last coordinate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import h5py

LARGEST = 3
"""VTK images have at most three axes."""

_HIDDEN = 2  # vtkDataSetAttributes::HIDDENPOINT


def add_image(
    file: h5py.File,
    axes: Mapping[str, np.ndarray],  # {coordinate: (N_i,)}, equally spaced
    names: list[str],  # datasets of the root group, (..., N_t, N_y, N_x)
    time: str | None = None,
    outside: np.ndarray | None = None,  # (..., N_t, N_y, N_x) bool
) -> None:
    """Describe arrays that stand in the file already as a VTK image; nothing is stored twice (hard links).

    Points ``outside`` of the domain are marked as hidden: ParaView leaves out what touches them.
    """
    *space, last = axes
    steps = axes[last] if last == time and len(space) > 1 else None
    picture = [axes[name] for name in space] if steps is not None else list(axes.values())
    if len(picture) > LARGEST or not names:
        return
    padded = [*picture, *[np.zeros(1)] * (LARGEST - len(picture))]
    group = file.create_group("VTKHDF")
    group.attrs["Version"] = np.array([2, 0], dtype=np.int64)
    group.attrs["Type"] = np.bytes_("ImageData")  # of fixed length: VTK reads no other
    group.attrs["WholeExtent"] = np.array([end for x in padded for end in (0, len(x) - 1)], dtype=np.int64)
    group.attrs["Origin"] = np.array([x[0] for x in padded])
    group.attrs["Spacing"] = np.array([(x[-1] - x[0]) / (len(x) - 1) if len(x) > 1 else 1.0 for x in padded])
    group.attrs["Direction"] = np.eye(3).ravel()
    data = group.create_group("PointData")
    data.attrs["Scalars"] = np.bytes_(names[0])
    for name in names:
        data[name] = file[name]
    if outside is not None and outside.any():
        data["vtkGhostType"] = np.where(outside, _HIDDEN, 0).astype(np.uint8)
    if steps is None:
        return
    moments = group.create_group("Steps")
    moments.attrs["NSteps"] = np.int64(len(steps))
    moments["Values"] = steps
    offsets = moments.create_group("PointDataOffsets")
    for name in data:
        offsets[name] = np.arange(len(steps), dtype=np.int64)
