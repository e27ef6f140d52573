"""Which plane pictures show a field of three coordinates or more: slices through the middle of space, or several times."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kanpde.export import fields_on, uniform_axes
from kanpde.results import Solution

TIMES = 4
"""Pictures of a plane field at different times."""

_COARSE = 33  # points along each axis of a first look
_POSITIONS = (0.5, 0.25, 0.75, 0.375, 0.625, 0.125, 0.875)  # of a slice, best first; a hole may leave nothing in the middle


@dataclass(frozen=True)
class Panel:
    """A picture of two coordinates while the others stand still."""

    across: str
    up: str
    fixed: dict[str, float] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What stands still, as an equation."""
        return ", ".join(f"{name} = {value:.4g}" for name, value in self.fixed.items())

    def values(self, solution: Solution, name: str, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The two axes (N,) and the field on them (N_up, N_across), NaN outside of the domain."""
        axes = uniform_axes(solution.problem.domain, count)
        axes |= {coordinate: np.array([value]) for coordinate, value in self.fixed.items()}
        return axes[self.across], axes[self.up], self.of(fields_on(solution, axes, (name,))[name], axes)

    def of(self, values: np.ndarray, axes: dict[str, np.ndarray]) -> np.ndarray:  # (N_up, N_across)
        """The picture out of an array on a tensor grid (last coordinate first), at the grid's nearest values."""
        names = list(axes)
        picked: list[int | slice] = [
            int(np.abs(axes[name] - self.fixed[name]).argmin()) if name in self.fixed else slice(None) for name in reversed(names)
        ]
        picture = values[tuple(picked)]
        return picture.T if names.index(self.across) > names.index(self.up) else picture


def panels(solution: Solution) -> list[Panel]:
    """The pictures of every field: one where there are two coordinates, else slices."""
    domain = solution.problem.domain
    space = [domain.coordinates[axis] for axis in domain.space_axes]
    if domain.dimension == 2:
        first, second = (*space, domain.time) if domain.time else space
        return [Panel(str(first), str(second))]
    if domain.time and len(space) == 2:
        return [Panel(space[0], space[1], {domain.time: t}) for t in _times(solution, domain.time)]
    ends = {domain.time: float(domain.bounds[domain.time_axis or 0, 1])} if domain.time else {}
    pairs = [(space[i], space[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    return [Panel(across, up, ends | _middle(solution, across, up)) for across, up in pairs]


def _middle(solution: Solution, across: str, up: str) -> dict[str, float]:
    """Values of the other coordinates in space, in the middle or, if nothing is there, somewhere else."""
    domain = solution.problem.domain
    others = [domain.coordinates[axis] for axis in domain.space_axes if domain.coordinates[axis] not in (across, up)]
    bounds = dict(zip(domain.coordinates, domain.bounds.tolist(), strict=True))
    found: dict[str, float] = {}
    for part in _POSITIONS:
        found = {name: bounds[name][0] + part * (bounds[name][1] - bounds[name][0]) for name in others}
        if domain.is_box:
            return found
        axes = uniform_axes(domain, _COARSE) | {name: np.array([value]) for name, value in found.items()}
        grid = np.meshgrid(*axes.values(), indexing="ij")
        if domain.contains(np.stack([g.ravel() for g in grid], -1)).any():
            return found
    return found


def _times(solution: Solution, time: str) -> list[float]:
    axes = uniform_axes(solution.problem.domain, _COARSE)
    first = next(iter(fields_on(solution, axes, solution.fields[:1]).values()))  # (N_t, N_y, N_x)
    by_time = np.moveaxis(first, len(axes) - 1 - list(axes).index(time), 0).reshape(len(axes[time]), -1)
    return [float(axes[time][row]) for row in telling(np.nan_to_num(by_time), TIMES)]


def telling(values: np.ndarray, count: int) -> np.ndarray:  # (N_t, N_x) -> (count,)
    """Rows between which the field changes equally much, the first and the last among them."""
    change = np.append(0.0, np.sqrt(np.mean(np.diff(values, axis=0) ** 2, 1)).cumsum())
    rows = np.searchsorted(change, np.linspace(0, change[-1], count)).clip(0, len(values) - 1)
    rows[-1] = len(values) - 1
    even = np.linspace(0, len(values) - 1, count).round().astype(int)
    return rows if len(set(rows.tolist())) == count else even
