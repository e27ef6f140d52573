"""Exponential modes: the smallest set {z^k e^(a z) cos b z, z^k e^(a z) sin b z} that spans a family.

A family g_1 ... g_r in the span of such modes satisfies one linear differential equation with constant coefficients,
c_0 g + c_1 g' + ... + c_p g^(p) = 0, whose characteristic roots are a + b i. Tested against functions that vanish to order p at
both ends, all derivatives move to the test function: no noise is ever differentiated. The roots are then refined by variable
projection, which also resolves multiple roots, that noise splits by its k-th root.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev, legendre

from kanpde.symbolic.curves.basis import CHARTS, Basis, Chart, Exponential
from kanpde.symbolic.curves.least_squares import damped_step, misfit, rms, spread
from kanpde.symbolic.sample import Array, Axis
from kanpde.symbolic.view import ACCEPT

MOST_MODES = 14
"""Order of the differential equation: seven waves. Beyond, a formula is no longer read as one."""

NEAR_ZERO = 0.02
FARTHEST = 1.5
"""On an interval of length 2: below the first, a rate may be zero (the fit decides); beyond the second, roots are never one."""
NEAR = 3e-3
"""A first guess of the modes must leave less of the family than this: the weak form is accurate, or the modes are wrong."""
CLOSE = 1e4
FINEST = 1e-6
"""And less than this many tolerances, or this part of it: roots taken together have an accurate mean."""
MOST_POWERS = 9
QUADRATURE = 128
GATE = 300.0
"""Times sigma: what the roots as they come may leave of the family, more for equations of high order, that are less certain.
Noise splits a multiple root, but hardly moves the span."""
EVIDENCE = 2
"""A fit must leave so many significant coefficients of the data to be explained by its form rather than by its numbers."""
NOISE = 30.0
"""An error of root mean square sigma changes the weak form, row by row divided by its test functions' size, by a few sigma."""
SHARP = 1e-3
"""Spread relative to the number (or to 1 / interval): exponentials that only approximate another function are less certain."""

Mode = tuple[float, float, int]
"""Rate a, frequency b >= 0, multiplicity."""


def modal_bases(
    family: Array,  # (n, r)
    axis: Axis,
    sigma: float,
    orders: range = range(1, MOST_MODES + 1),
    charts: Sequence[Chart] = tuple(CHARTS.values()),
    evidence: int = EVIDENCE,
) -> Iterator[Basis]:
    """Bases of modes that span the family to three sigma: fewest modes first, at most one a chart.

    ``orders`` are the orders of the differential equation to try; below r there is none. The next basis is looked for only when
    the one before led nowhere. ``evidence``: how many significant coefficients of the data a basis must leave to its form.
    """
    resampled = {chart.name: _resample(chart, family, axis, sigma) for chart in charts}
    open_charts = [chart for chart in charts if resampled[chart.name] is not None]
    content = {name: pair[1].significant(pair[0], sigma) for name, pair in resampled.items() if pair is not None}
    for order in (k for k in orders if k >= family.shape[1]):
        for chart in list(open_charts):
            values, z_axis = resampled[chart.name] or (family, axis)
            found = _candidates(values, z_axis, order, sigma)
            candidates = (modes for modes in found if _modest(modes, family.shape[1], content[chart.name] - evidence))
            modes = _fitting(candidates, family, chart.forward(axis.nodes), ACCEPT * sigma)
            if modes:
                open_charts.remove(chart)
                basis = _basis(chart, modes, family, axis, sigma)
                if all(d <= SHARP * max(abs(v), 1 / axis.width) for v, d in zip(basis.theta, basis.spread, strict=True)):
                    yield basis


def _modest(modes: list[Mode], rank: int, content: int) -> bool:
    """Whether the modes have fewer numbers than the data: as many would fit anything. A polynomial is known by where it ends."""
    columns = sum(count * (2 if b else 1) for _, b, count in modes)
    rates = sum(bool(a) + bool(b) for a, b, _ in modes)
    return rates == 0 or columns * rank + rates <= content


def _fitting(candidates: Iterator[list[Mode]], family: Array, z: Array, tolerance: float) -> list[Mode] | None:
    """The first candidate that, refined, passes on the original nodes."""
    near = max(CLOSE * tolerance, FINEST * rms(family))
    for modes in candidates:
        if rms(misfit(_columns(modes, z), family)) > min(near * 3.0 ** max(0, len(modes) - 3), NEAR * rms(family)):
            continue
        refined = _with(modes, _solve(modes, family, z, tolerance)[0])
        if rms(misfit(_columns(refined, z), family)) <= tolerance:
            return _simplified(refined, family, z, tolerance)
    return None


def _resample(chart: Chart, family: Array, axis: Axis, sigma: float) -> tuple[Array, Axis] | None:
    """The family on Chebyshev nodes in z, through its series in x; None where the chart does not apply."""
    if not chart.admits(axis.lower, axis.upper):
        return None
    if chart.name == "x":
        return family, axis
    series = axis.coefficients(family)
    lower, upper = axis.lower, axis.upper
    mirrored = False
    if chart.name == "x^2":
        if lower < 0 < upper:
            shared = min(-lower, upper) * axis.reference(axis.nodes) * (upper - lower) / axis.width
            even = rms(axis.evaluate(series, shared) - axis.evaluate(series, -shared)) <= 3 * sigma
            if not even:
                return None
        mirrored = -lower > upper
        lower, upper = (0.0 if lower < 0 < upper else min(abs(lower), abs(upper))), max(abs(lower), abs(upper))
    ends = sorted(float(v) for v in chart.forward(np.array([lower, upper], dtype=float)))
    z_axis = Axis(ends[0], ends[1], axis.n if lower > 0 else max(8, axis.n // 2))
    x = np.clip(chart.inverse(z_axis.nodes), lower, upper)
    return axis.evaluate(series, -x if mirrored else x), z_axis


@lru_cache(maxsize=64)
def _interpolation(n: int) -> Array:  # (Q, n)
    """From values at Chebyshev nodes to values at the Gauss-Legendre points of the weak form."""
    axis = Axis(-1.0, 1.0, n)
    return axis.evaluate(axis.coefficients(np.eye(n)), legendre.leggauss(QUADRATURE)[0])


@lru_cache(maxsize=64)
def _tests(order: int, count: int) -> tuple[Array, Array]:
    """Derivatives of (1 - s^2)^order T_m(s) at Gauss-Legendre points: (order + 1, count, Q), with the weights (Q,)."""
    points, weights = legendre.leggauss(QUADRATURE)
    bump = chebyshev.chebpow([0.5, 0, -0.5], order, maxpower=order)  # 1 - s^2 = (T_0 - T_2) / 2
    table = np.empty((order + 1, count, len(points)))
    for m in range(count):
        series = chebyshev.chebmul(bump, np.eye(m + 1)[m])
        for k in range(order + 1):
            table[k, m] = chebyshev.chebval(points, series)
            series = chebyshev.chebder(series)
    return table, weights


def _candidates(values: Array, axis: Axis, order: int, sigma: float) -> Iterator[list[Mode]]:
    """Sets of modes from the characteristic roots of the differential equation of this order, with roots merged more and more.

    None if no equation of the order holds within what the noise makes of its weak form.
    """
    table, weights = _tests(order, 32)
    g = (_interpolation(axis.n) @ values) * weights[:, None]  # (Q, r)
    system = np.stack([(-1) ** k * (table[k] @ g).ravel() for k in range(order + 1)], 1)  # (count r, order + 1)
    sizes = np.sqrt((table**2 @ weights).sum(1))  # (order + 1,) what white noise would give: a column below it is zero
    _, singular, right = np.linalg.svd(system / sizes, full_matrices=False)
    if singular[-1] > max(NOISE * sigma, 1e-14 * singular[0]):
        return
    equation = right[-1] / sizes
    if not np.isfinite(equation).all() or abs(equation[-1]) < 1e-14 * np.abs(equation).max():
        return
    roots = np.roots(equation[::-1])
    split = [(r.real * 2 / axis.width, r.imag * 2 / axis.width, 1) for r in map(complex, roots) if r.imag >= 0]
    if not split or not rms(misfit(_columns(split, axis.nodes), values)) <= GATE * 3.0 ** max(0, order - 4) * sigma:
        return
    for clusters in _clusterings([complex(root) for root in roots]):
        before: list[Mode] = []
        for nothing in (NEAR_ZERO, 0.0):  # a small rate may be zero, or small
            modes = []
            for centre, count in clusters:
                a = 0.0 if abs(centre.real) < nothing else centre.real * 2 / axis.width
                b = 0.0 if abs(centre.imag) < nothing else centre.imag * 2 / axis.width
                if b >= 0:  # a complex root stands for its conjugate too
                    modes.append((a, b, count))
            if modes and modes != before and all(count <= MOST_POWERS for *_, count in modes):
                yield modes
            before = modes


def _clusterings(roots: list[complex]) -> Iterator[list[tuple[complex, int]]]:
    """Ways to take roots together, the coarsest first: (mean, how many). A multiple root is simpler than several close ones.

    Noise moves a k-fold root by its k-th root, but hardly the mean: single linkage at falling heights.
    """
    heights = sorted({round(abs(a - b), 12) for i, a in enumerate(roots) for b in roots[:i]}, reverse=True)
    seen: set[tuple[int, ...]] = set()
    for height in [*(h for h in heights if h < FARTHEST), 0.0]:
        labels = list(range(len(roots)))
        for i, a in enumerate(roots):
            for j, b in enumerate(roots[:i]):
                if abs(a - b) <= height + 1e-12 and labels[i] != labels[j]:
                    labels = [labels[j] if label == labels[i] else label for label in labels]
        if tuple(labels) in seen:
            continue
        seen.add(tuple(labels))
        groups = [[root for root, label in zip(roots, labels, strict=True) if label == kind] for kind in dict.fromkeys(labels)]
        yield [(sum(group) / len(group), len(group)) for group in groups]


def _columns(modes: list[Mode], z: Array) -> Array:  # (n, p)
    """The modes' functions, each divided by its largest exponential, so that none overflows."""
    columns = []
    for a, b, count in modes:
        damped = np.exp(a * (z - (z.max() if a > 0 else z.min())))
        for k in range(count):
            columns += [z**k * damped * np.cos(b * z)] + ([z**k * damped * np.sin(b * z)] if b else [])
    return np.stack(columns, 1)


def _free(modes: list[Mode]) -> list[tuple[int, int]]:
    return [(i, j) for i, mode in enumerate(modes) for j in (0, 1) if mode[j]]


def _with(modes: list[Mode], theta: Array) -> list[Mode]:
    values = dict(zip(_free(modes), (float(v) for v in theta), strict=True))
    return [(values.get((i, 0), 0.0), values.get((i, 1), 0.0), mode[2]) for i, mode in enumerate(modes)]


def _slopes(modes: list[Mode], z: Array) -> Iterator[tuple[Array, list[int]]]:
    """For each nonzero number: the derivatives of the columns that use it, and which columns these are."""
    place = 0
    for a, b, count in modes:
        damped = np.exp(a * (z - (z.max() if a > 0 else z.min())))
        mine = [z ** (k + 1) * damped for k in range(count)]
        width = 2 if b else 1
        where = list(range(place, place + width * count))
        if a:
            yield np.stack([m * f(b * z) for m in mine for f in ((np.cos, np.sin) if b else (np.cos,))], 1), where
        if b:
            yield np.stack([f for m in mine for f in (-m * np.sin(b * z), m * np.cos(b * z))], 1), where
        place += width * count


def _solve(modes: list[Mode], family: Array, z: Array, tolerance: float = 0.0) -> tuple[Array, Array]:
    """Variable projection over the nonzero numbers: their values (q,) and the Jacobian (n r, q).

    Levenberg-Marquardt with the Jacobian of Kaufman (1975), exact where the residual vanishes. It gives up where the residual is
    far above ``tolerance`` and hardly falls.
    """
    theta = np.array([modes[i][j] for i, j in _free(modes)])
    if not len(theta):
        return theta, np.zeros((family.size, 0))

    def look(at: Array) -> tuple[Array, Array] | None:  # residual (n r,), Jacobian (n r, q)
        moved = _with(modes, at)
        columns = _columns(moved, z)
        sizes = np.linalg.norm(columns, axis=0)
        if not (np.isfinite(sizes).all() and sizes.all()):
            return None
        left, singular, right = np.linalg.svd(columns / sizes, full_matrices=False)
        kept = singular > 1e-13 * singular[0]
        left = left[:, kept]
        inner = left.T @ family  # (p, r)
        c = (right[kept].T @ (inner / singular[kept, None])) / sizes[:, None]
        slopes = np.stack([d @ c[where] for d, where in _slopes(moved, z)], 2)  # (n, r, q)
        outside = slopes - np.einsum("np,pjq->njq", left, np.einsum("np,njq->pjq", left, slopes))
        return (family - left @ inner).ravel(), -outside.reshape(family.size, -1)

    here = look(theta)
    if here is None:
        return theta, np.zeros((family.size, len(theta)))
    r, J = here
    damping, slow = 1e-3, 0
    for tried in range(40):
        if tried == 8 and np.sqrt(r @ r / len(z)) > 100 * tolerance > 0:
            break
        step = damped_step(J, r, damping)
        trial = look(theta + step)
        if trial is not None and trial[0] @ trial[0] < r @ r:
            gain = float(trial[0] @ trial[0]) / float(r @ r)
            slow = slow + 1 if gain > 0.5 else 0
            theta, (r, J), damping = theta + step, trial, max(damping / 10, 1e-14)
            if slow == 3 and (gain > 0.999 or np.sqrt(r @ r / len(z)) > 10 * tolerance):
                break
            slow = min(slow, 2)
        else:
            damping = max(4 * damping, 1e-10)
            if damping > 1e4:
                break
        if np.all(np.abs(step) <= 1e-14 * np.abs(theta) + 1e-300):
            break
    return theta, J


def _simplified(modes: list[Mode], family: Array, z: Array, tolerance: float) -> list[Mode]:
    """The modes with every number set to zero that the data allow to be zero."""
    for i, j in _free(modes):
        if abs(modes[i][j]) * np.ptp(z) > 1e-2:
            continue
        trial = list(modes)
        a, b, count = modes[i]
        trial[i] = (0.0, b, count) if j == 0 else (a, 0.0, 2 * count)
        trial = _with(trial, _solve(trial, family, z)[0])
        if rms(misfit(_columns(trial, z), family)) <= tolerance:
            modes = trial
    return modes


def _basis(chart: Chart, modes: list[Mode], family: Array, axis: Axis, sigma: float) -> Basis:
    """The modes as columns with places for their numbers."""
    theta, J = _solve(modes, family, chart.forward(axis.nodes))
    places = {place: k for k, place in enumerate(_free(modes))}
    columns = [
        Exponential(k, places.get((i, 0)), places.get((i, 1)), odd)
        for i, mode in enumerate(modes)
        for k in range(mode[2])
        for odd in ((False, True) if mode[1] else (False,))
    ]
    return Basis(chart, tuple(float(v) for v in theta), tuple(float(v) for v in spread(J, sigma, theta)), tuple(columns))


def needed(columns: Array, values: Array, tolerance: float) -> tuple[list[int], Array]:  # (n, p), (n,) -> kept, (k,)
    """The columns that the values need, by backward elimination, the least needed first; and their coefficients."""
    sizes = np.linalg.norm(columns, axis=0)
    kept = [k for k in range(columns.shape[1]) if np.isfinite(sizes[k]) and sizes[k] > 0]

    def solve(chosen: list[int]) -> tuple[Array, float]:
        c = np.linalg.lstsq(columns[:, chosen] / sizes[chosen], values, rcond=1e-14)[0]
        return c / sizes[chosen], rms(values - columns[:, chosen] @ (c / sizes[chosen]))

    coefficients, best = solve(kept)
    allowed = min(tolerance, max(1.5 * best, tolerance / 3))
    while len(kept) > 1:
        trials = [(solve([j for j in kept if j != k])[1], k) for k in kept]
        lost, weakest = min(trials)
        if lost > allowed:
            break
        kept.remove(weakest)
        coefficients, _ = solve(kept)
    return kept, coefficients
