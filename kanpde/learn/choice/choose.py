"""The default recipe: which network suits the data, decided on points that were held back.

Candidates are sums of products of functions of one variable, in the coordinates or in fewer directions, with or without a last
function around; each is a convex problem under a prior whose scales are found by evidence, so that nothing depends on starts.
The best is fitted once more to all points and written as a network whose size is what its own error calls for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from kanpde.learn.choice.directions import Directions, directions, refined, rounded
from kanpde.learn.choice.evidence import likely
from kanpde.learn.choice.outer import OUTERS, Outer
from kanpde.learn.choice.polynomial import Solver, features_for
from kanpde.learn.choice.prior import FAMILIES
from kanpde.learn.choice.products import Products, products
from kanpde.learn.choice.types import Array, Prior

MOST_POINTS = 2000  # on which candidates are compared; the last fit takes all
SETTLED = 1e-11  # relative error at which nothing else is looked for
BETTER = 0.7  # of the error: what a less plain candidate must reach
SHARE = 0.1  # of the error on the points held back: what writing the polynomial as a network may cost
LEAST = 2e-14  # the same where the error is round-off
TINY = 1e-100  # sizes beyond which squares are not to be had
EXPECTED = 10.0  # units of log evidence by which a last function must be more likely: one in 20 000


@dataclass(frozen=True)
class Candidate:
    """One way to see the data, with the error that it left on points held back (relative, dimensionless)."""

    along: Directions | None
    outer: Outer | None
    prior: Prior
    damping: float
    error: float

    @property
    def words(self) -> str:
        """What it is, for people."""
        inner = "products" if self.along is None else f"products in {len(self.along.matrix)} directions"
        return inner if self.outer is None else f"{self.outer.name} of {inner}"


@dataclass(frozen=True)
class Choice:
    """The best candidate, fitted to all points: u(x) = outer(products(along(x))) for x in [-1, 1]^d; and all candidates."""

    best: Candidate
    products: Products
    tried: tuple[Candidate, ...]

    @property
    def words(self) -> str:
        """What was chosen, for people."""
        if self.products.additive:
            return self.best.words.replace("products", "a sum of functions of one variable")
        return f"{self.best.words}, {self.products.rank} of them" if self.products.rank > 1 else self.best.words

    def __call__(self, x: Array) -> Array:  # (N, d) in [-1, 1] -> (N, m)
        """The values."""
        best = self.best
        inner = self.products(x if best.along is None else best.along(x))
        return inner if best.outer is None else np.asarray(best.outer.function(inner))


@dataclass(frozen=True)
class _Points:
    """Points for fitting and points held back, (n, d) in [-1, 1] and (n, m)."""

    x: Array
    y: Array
    held: tuple[Array, Array]
    scale: Array  # (m,) what errors are measured by

    def along(self, way: Directions | None) -> _Points:
        """The same points in other coordinates."""
        return self if way is None else replace(self, x=way(self.x), held=(way(self.held[0]), self.held[1]))

    def error(self, u: Callable[[Array], Array]) -> float:
        """The relative error of a function on the points held back."""
        return float(np.sqrt(np.mean(((u(self.held[0]) - self.held[1]) / self.scale) ** 2)))


def choose(
    x: Array,  # (N, d) in [-1, 1]
    y: Array,  # (N, m)
    held: tuple[Array, Array],
    half_widths: Array,  # (d,) of the coordinates' intervals, in their own units
    widths: Array | None = None,
    deadline: float = np.inf,
    seed: int = 0,
    report: Callable[[str], None] = lambda words: None,
    whole: bool = True,
) -> Choice:
    """The best network for the data; with ``whole`` the points held back are learned from once they have decided.
    ``deadline`` is a value of ``time.perf_counter()``, after which no candidate is begun."""
    step = max(1, -(-len(x) // MOST_POINTS))
    scale = np.maximum(y.std(0), np.finfo(float).eps * np.maximum(np.abs(y).max(0), np.finfo(float).tiny))
    points = _Points(x[::step], y[::step], held, scale)
    tried = [_plain(points, family) for family in FAMILIES]

    def best() -> Candidate:
        return min(tried, key=lambda c: c.error)

    def worth() -> bool:
        return best().error > SETTLED and time.perf_counter() < deadline

    report(f"{best().words}: relative error {best().error:.1e} on points held back")
    if worth() and x.shape[1] > 1:
        way = directions(points.x, (points.y - points.y.mean(0)) / scale, seed)
        if way is not None:
            tried += _in_directions(way, points, half_widths, deadline)
            report(f"{best().words}: relative error {best().error:.1e} on points held back")
    if worth():
        tried += _with_outer(best(), points)
        report(f"{best().words}: relative error {best().error:.1e} on points held back")
    chosen = _simplest(tried)
    if whole:
        x, y = np.concatenate([x, held[0]]), np.concatenate([y, held[1]])
    return Choice(chosen, _whole(chosen, x, y, scale), tuple(tried))


def _plain(points: _Points, family: str) -> Candidate:
    prior = likely(points.x, points.y - points.y.mean(0), family)
    solver = Solver(features_for(prior, len(points.x)), points.x, points.y)
    damping, error = solver.choose(*points.held, points.scale)
    return Candidate(None, None, prior, damping, error)


def _in_directions(way: Directions, points: _Points, half_widths: Array, deadline: float) -> list[Candidate]:
    """Candidates in fewer directions, as they were found and with simple ratios."""
    found: list[Candidate] = []
    for family in FAMILIES:
        if found and time.perf_counter() > deadline:
            break
        free, prior, damping, error = refined(way, family, points.x, points.y, points.held)
        found.append(Candidate(free, None, prior, damping, error))
        plain = rounded(free, half_widths)
        if not np.array_equal(plain.matrix, free.matrix):
            moved = points.along(plain)
            simple = _plain(moved, family)
            found.append(replace(simple, along=plain))
    return found


@np.errstate(all="ignore")  # functions and inverses may overflow, as exp does; what is not finite is left out
def _with_outer(base: Candidate, points: _Points) -> list[Candidate]:
    """Candidates with the last function that the evidence finds likeliest, in the coordinates of the best so far."""
    if points.y.shape[1] > 1:  # each output would want its own
        return []
    moved = points.along(base.along)
    y, family = points.y, base.prior.family
    ground = likely(moved.x, y - y.mean(0), family, sweeps=1).badness
    ranked: list[tuple[float, int, Outer]] = []
    for outer in OUTERS:
        if not (outer.suits(y) and outer.suits(points.held[1])):
            continue
        step = max(1, -(-len(y) // 500))
        t = outer.inverse(y)
        slopes = float(outer.log_slope(y[::step]).sum())
        size = float(np.abs(t - t.mean(0)).max())
        if not (np.isfinite(slopes) and TINY < size < 1 / TINY and np.isfinite(outer.inverse(points.held[1])).all()):
            continue
        ranked.append((likely(moved.x, t - t.mean(0), family, sweeps=1).badness - slopes, len(ranked), outer))
    found = []
    for badness, _, outer in sorted(ranked)[:2]:
        if not badness < ground - EXPECTED:
            break
        inner = replace(moved, y=outer.inverse(y), held=(moved.held[0], outer.inverse(points.held[1])))
        inner = replace(inner, scale=inner.y.std(0))
        for name in FAMILIES:
            one = _plain(inner, name)
            solver = Solver(features_for(one.prior, len(inner.x)), inner.x, inner.y)
            u = solver.polynomial(one.damping)
            error = moved.error(lambda z, u=u, outer=outer: outer.function(u(z)))  # type: ignore[misc]
            if np.isfinite(error):
                found.append(Candidate(base.along, outer, one.prior, one.damping, error))
    return found


def _simplest(tried: list[Candidate]) -> Candidate:
    """The best, unless a plainer one is nearly as good."""

    def plainness(c: Candidate) -> tuple[int, int]:
        simple = 0 if c.along is None else int((c.along.matrix != np.round(c.along.matrix, 12)).any())
        return int(c.outer is not None), simple

    least = min(c.error for c in tried)
    near = [c for c in tried if c.error * BETTER <= max(least, LEAST)]
    first = min(plainness(c) for c in near)
    return min((c for c in near if plainness(c) == first), key=lambda c: c.error)


def _whole(chosen: Candidate, x: Array, y: Array, scale: Array) -> Products:
    """The candidate fitted to all points and written as products."""
    z = x if chosen.along is None else chosen.along(x)
    inner = y if chosen.outer is None else chosen.outer.inverse(y)
    solver = Solver(features_for(chosen.prior, len(z)), z, inner)
    spread = scale if chosen.outer is None else np.maximum(inner.std(0), np.finfo(float).tiny)
    size = np.maximum(spread, np.abs(inner).max(0))  # of values that hardly vary, round-off is as large as they are
    return products(
        solver.polynomial(chosen.damping), np.maximum(SHARE * chosen.error * spread, LEAST * size), chosen.error * spread
    )
