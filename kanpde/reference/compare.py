"""How far a solution is from a reference, on points that the solver has not seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from scipy.stats import qmc

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Domain
from kanpde.problem.types import Problem
from kanpde.reference.types import NOTHING, Reference, Values
from kanpde.results.types import Comparison, FieldComparison

Evaluate = Callable[[dict[str, np.ndarray]], Mapping[str, np.ndarray] | np.ndarray]
"""A solution: coordinates by name, (N,) each, to values (N,) by field (or one array, for one field)."""

STREAM = 0x6A7564  # added to the seed, so that the points are never those of a solver that uses the same seed


def compare(
    evaluate: Evaluate,
    gradient: Evaluate | None,  # coordinates (N,) by name -> (N, d) by field
    problem: Problem,
    reference: Reference | None,
    seed: int = 0,
    count: int = 2**13,
    bounds: np.ndarray | None = None,  # (d, 2): a part of the domain to judge on; all of it if None
) -> Comparison:
    """Relative L2, maximum and H1 differences on ``count`` scrambled Sobol points of the domain.

    l2 = |u - v| / |v|, max = max|u - v| / max|v|, h1 with |.|^2 + |grad .|^2 under both roots; v is the reference. The measure
    is uniform over the domain, time included. With no reference the comparison is empty and says so.
    """
    if reference is None:
        return Comparison(remark="no reference: estimated error only")
    points = fresh_points(problem.domain if bounds is None else replace(problem.domain, bounds=bounds), count, seed)  # (N, d)
    named = dict(zip(problem.coordinates, points.T, strict=True))
    truth = reference.values(points)
    found = _by_field(evaluate(named), list(truth))
    slopes = _slopes(gradient, reference, points, named, list(truth))
    fields, sizes = {}, _sizes(truth)
    for name, v in truth.items():
        e = found[name] - v
        h1 = None
        if slopes is not None:
            mine, theirs = slopes[0][name], slopes[1][name]  # (N, d)
            h1 = _ratio(math.hypot(_rms(e), _rms(mine - theirs)), math.hypot(_rms(v), _rms(theirs)))
        fields[name] = FieldComparison(
            l2=_ratio(_rms(e), sizes[name]),
            max=_ratio(float(np.abs(e).max()), float(np.abs(v).max())),
            h1=h1,
            method=reference.method,
            error=reference.errors.get(name, reference.error),
            seconds=reference.seconds,
        )
    return Comparison(fields)


def fresh_points(where: Domain | np.ndarray, count: int, seed: int) -> np.ndarray:  # (count, d)
    """Scrambled Sobol points of a domain or a box.

    In a box ``count`` is rounded up to a power of two, which keeps them balanced. Of a shape, those points of its box are kept
    that lie in it, exactly ``count``.
    """
    bounds = where if isinstance(where, np.ndarray) else where.bounds
    sobol = qmc.Sobol(len(bounds), scramble=True, seed=np.random.default_rng([STREAM, seed]))
    found, most = np.zeros((0, len(bounds))), int(count - 1).bit_length()
    for power in range(most, most + 12):
        unit = sobol.random_base2(power) if power == most else sobol.random(2 ** (power - 1))  # 2^power in all
        points = bounds[:, 0] + unit * (bounds[:, 1] - bounds[:, 0])
        if isinstance(where, np.ndarray) or where.is_box:
            return points
        found = np.concatenate([found, points[where.contains(points)]])
        if len(found) >= count:
            return found[:count]
    raise UnsupportedProblem(f"less than one point in {2**12} of the box lies in the shape: there is nothing to compare on")


def relative_differences(first: Reference, second: Reference, points: np.ndarray) -> dict[str, float]:
    """The relative L2 difference of every field on the points, relative to ``second``.

    A field that is round-off of the others is measured by the largest of them.
    """
    mine, theirs = first.values(points), second.values(points)
    sizes = _sizes(theirs)
    return {name: _ratio(_rms(mine[name] - v), sizes[name]) for name, v in theirs.items()}


def _sizes(values: Values) -> dict[str, float]:
    """The root mean square of every field, or of the largest one for a field that is nothing but its round-off."""
    sizes = {name: _rms(v) for name, v in values.items()}
    most = max(sizes.values())
    return {name: size if size == 0 or size > NOTHING * most else most for name, size in sizes.items()}


def _slopes(
    gradient: Evaluate | None, reference: Reference, points: np.ndarray, named: dict[str, np.ndarray], names: list[str]
) -> tuple[Values, Values] | None:
    if gradient is None or reference.gradients is None:
        return None
    return _by_field(gradient(named), names), reference.gradients(points)


def _by_field(found: Mapping[str, np.ndarray] | np.ndarray, names: list[str]) -> Values:
    if isinstance(found, Mapping):
        return {name: np.asarray(found[name], dtype=float) for name in names}
    if len(names) != 1:
        raise ValueError(f"one array was given for the fields {', '.join(names)}; give a mapping by field")
    return {names[0]: np.asarray(found, dtype=float)}


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.sum(values**2) / len(values)))


def _ratio(difference: float, size: float) -> float:
    """Relative where the reference is not zero everywhere, absolute otherwise."""
    return difference / size if size > 0 else difference
