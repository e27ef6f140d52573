"""Singular functions of the plane, conj(w)^c w^p (log w)^l, and their derivatives by z and conj(z) in closed form.

With c = 0 they are holomorphic, so that real and imaginary parts are harmonic; with c = 1 they are biharmonic (Goursat's
formula). Around a corner, p is the exponent of a singular solution; around a hole, log w and negative powers. Source:
Muskhelishvili (1953), Some Basic Problems of the Mathematical Theory of Elasticity, section 31; Wirtinger's derivatives
d/dx = d + d*, d/dy = i (d - d*).
"""

from __future__ import annotations

import cmath
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor


@dataclass(frozen=True)
class Monomial:
    """f(x, y) = conj(w)^conj w^power (log w)^log, w = ((x + iy) - (cx + i cy)) exp(-i direction) / scale, arg w in (-pi, pi].

    The cut of the power and of the logarithm lies opposite to ``direction`` (an angle in radians). ``scale`` is a length: it
    keeps high powers of the size one.
    """

    centre: tuple[float, float]
    direction: float = 0.0
    scale: float = 1.0
    conj: int = 0
    power: complex = 1.0
    log: int = 0
    other: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"the scale of a monomial is a positive length, not {self.scale}")
        if self.conj < 0 or self.log < 0:
            raise ValueError("the powers of conj(w) and of the logarithm are 0 or more")


Frame = tuple[tuple[float, float], float, float]
"""Centre, direction and scale: monomials of one frame share w and log w."""


@lru_cache(maxsize=64)
def by_frame(monomials: tuple[Monomial, ...]) -> tuple[tuple[Frame, tuple[int, ...]], ...]:
    """The frames, and the numbers of the monomials of each."""
    found: dict[Frame, list[int]] = {}
    for number, m in enumerate(monomials):
        found.setdefault((m.centre, m.direction, m.scale), []).append(number)
    return tuple((frame, tuple(numbers)) for frame, numbers in found.items())


def _falling(n: int, count: int) -> int:
    """n (n - 1) ... (n - count + 1)."""
    return math.prod(range(n - count + 1, n + 1))


@lru_cache(maxsize=8192)
def _logarithms(power: complex, log: int, order: int) -> tuple[complex, ...]:
    """c with (d/dw)^order [w^p L^log] = w^(p - order) (c_0 + c_1 L + ...), L = log w.

    Each order by d(w^q L^j) = w^(q - 1) (q L^j + j L^(j - 1)).
    """
    c = [0j] * log + [1 + 0j]
    for m in range(order):
        c = [(power - m) * c[j] + ((j + 1) * c[j + 1] if j < log else 0) for j in range(log + 1)]
    return tuple(c)


@dataclass(frozen=True)
class _Recipe:
    """How the powers of one frame come about: exp(p log w), or the product of two earlier ones, which is far cheaper."""

    exponents: tuple[complex, ...]
    steps: tuple[tuple[int, int] | None, ...]  # the two factors; None: by the exponential (0, 1 and -1: directly)


_SAME = 8 * 2.3e-16
"""Exponents closer than this (relative) are equal: sums like 2 pi/3 + pi/3 are off by a few units of round-off."""


class _Kitchen:
    """Collects exponents and finds cheap ways to each."""

    def __init__(self) -> None:
        self.exponents: list[complex] = []
        self.steps: list[tuple[int, int] | None] = []
        self._at: dict[tuple[int, int], int] = {}

    def find(self, p: complex) -> int | None:
        """The number of an exponent that is there already."""
        tolerance = _SAME * max(1.0, abs(p))
        key = self._key(p)
        for i in (-1, 0, 1):
            for j in (-1, 0, 1):
                number = self._at.get((key[0] + i, key[1] + j))
                if number is not None and abs(self.exponents[number] - p) <= tolerance:
                    return number
        return None

    def add(self, p: complex) -> int:
        """The number of an exponent, put in if needed."""
        found = self.find(p)
        if found is not None:
            return found
        step: tuple[int, int] | None = None
        if p.imag == 0 and p.real == int(p.real) and abs(p) > 1:
            half = int(p.real / 2)
            step = self.add(complex(half)), self.add(p - half)
        elif p not in (0, 1, -1):
            step = self._pair(p)
        self.exponents.append(p)
        self.steps.append(step)
        self._at[self._key(p)] = len(self.exponents) - 1
        return len(self.exponents) - 1

    def _pair(self, p: complex) -> tuple[int, int] | None:
        """Two exponents with the sum p, neither larger in size: large opposite ones would underflow near the centre."""
        above, reciprocal = self.find(p + 1), self.find(-1)
        if above is not None and reciprocal is not None:
            return above, reciprocal
        for number, q in enumerate(self.exponents):
            rest = p - q
            if q.real * p.real > 0 and rest.real * p.real > 0 and (other := self.find(rest)) is not None:
                return number, other
        return None

    @staticmethod
    def _key(p: complex) -> tuple[int, int]:
        return round(p.real * 1e9), round(p.imag * 1e9)


@lru_cache(maxsize=256)
def _recipe(
    powers: tuple[complex, ...], shifts: tuple[tuple[complex, int], ...]
) -> tuple[_Recipe, dict[tuple[complex, int], int]]:
    """The powers w^(p - m) for all ``shifts`` (p, m), and the row of each."""
    kitchen = _Kitchen()
    kitchen.add(0j)
    if any(m for _, m in shifts):
        kitchen.add(-1 + 0j)
    distinct = sorted(set(powers), key=lambda p: (p.real, p.imag))
    steps = Counter(complex(round((b - a).real, 12), round((b - a).imag, 12)) for a, b in pairwise(distinct))
    for a, b in pairwise(distinct):  # a series p0 + k s of exponents: w^s once, then one product each
        step = b - a
        if steps[complex(round(step.real, 12), round(step.imag, 12))] > 2:
            kitchen.add(step)
    rows = {(p, m): kitchen.add(p - m) for p, m in sorted(shifts, key=lambda s: (s[1], abs(s[0])))}
    return _Recipe(tuple(kitchen.exponents), tuple(kitchen.steps)), rows


def wirtinger(
    monomials: tuple[Monomial, ...],
    x: Tensor,  # (N,)
    y: Tensor,  # (N,)
    orders: Sequence[tuple[int, int]],
) -> dict[tuple[int, int], Tensor]:  # (E, N) complex each
    """(d/dz)^m (d/d conj z)^n of every monomial, for each (m, n) of ``orders``; rows in the order of ``by_frame``."""
    if any(m.other is not None for m in monomials):
        return _products(monomials, x, y, orders)
    kind = torch.complex(x[:0], x[:0]).dtype
    result = {order: torch.empty(len(monomials), x.shape[0], dtype=kind, device=x.device) for order in orders}
    start = 0
    for frame, numbers in by_frame(monomials):
        members = tuple(monomials[number] for number in numbers)
        rows = slice(start, start + len(members))
        _of_frame(frame, members, x, y, {order: values[rows] for order, values in result.items()})
        start += len(members)
    return result


def _products(
    monomials: tuple[Monomial, ...],
    x: Tensor,
    y: Tensor,
    orders: Sequence[tuple[int, int]],
) -> dict[tuple[int, int], Tensor]:
    """The same where some have a second factor g: d^i d*^j (f g) = sum over k of binomial(i, k) (d^(i-k) d*^j f) (d^k g)."""
    wanted = sorted({(k, j) for i, j in orders for k in range(i + 1)})
    f = wirtinger(tuple(replace(m, other=None) for m in monomials), x, y, wanted)
    partners: dict[Monomial, None] = {}
    rows, columns = [], []
    for row, number in enumerate(number for _, numbers in by_frame(monomials) for number in numbers):
        m = monomials[number]
        if m.other is not None:
            partner = Monomial(m.other[:2], m.direction, m.scale, 0, m.other[2])
            partners[partner] = None
            rows.append(row)
            columns.append(partner)
    places = {
        partner: row for row, partner in enumerate(tuple(partners)[i] for _, some in by_frame(tuple(partners)) for i in some)
    }
    at, by = _numbers(rows, x), _numbers([places[partner] for partner in columns], x)
    g = {k: v[by] for (k, _), v in wirtinger(tuple(partners), x, y, sorted({(k, 0) for k, _ in wanted})).items()}
    result = {order: f[order].clone() for order in orders}
    for (i, j), values in result.items():
        values[at] = sum((math.comb(i, k) * f[i - k, j][at] * g[k] for k in range(1, i + 1)), f[i, j][at] * g[0])
    return result


def _of_frame(frame: Frame, members: tuple[Monomial, ...], x: Tensor, y: Tensor, into: dict[tuple[int, int], Tensor]) -> None:
    (cx, cy), direction, scale = frame
    shifts = frozenset((m.power, a) for m in members for a, b in into if b <= m.conj and any(_logarithms(m.power, m.log, a)))
    recipe, rows = _recipe(tuple(m.power for m in members), tuple(sorted(shifts, key=repr)))
    turn = cmath.exp(-1j * direction) / scale
    u, v = x - cx, y - cy
    re, im = turn.real * u - turn.imag * v, turn.imag * u + turn.real * v + 0.0  # + 0.0: on the cut, -0.0 would be arg = -pi
    smallest = _smallest(recipe.exponents, x.dtype)
    far = torch.maximum(re.abs(), im.abs())
    re = torch.where(far < smallest, smallest, re)  # the centre itself: a point at a distance that nobody sees
    im = torch.where(far < smallest, torch.zeros_like(im), im)
    w = torch.complex(re, im)
    logs = max(m.log for m in members)
    angle = radius = None
    if logs or any(step is None and p not in (0, 1, -1) for p, step in zip(recipe.exponents, recipe.steps, strict=True)):
        radius, angle = torch.hypot(re, im).log(), torch.atan2(im, re)
    powers = _powers(recipe, w, radius, angle)  # (K, N)
    conjugates = _integer_powers(w.conj().resolve_conj(), max(m.conj for m in members))
    log = None if radius is None or angle is None or not logs else _integer_powers(torch.complex(radius, angle), logs)
    for (a, b), target in into.items():
        factor = turn**a * turn.conjugate() ** b
        index = [rows.get((m.power, a), 0) if b <= m.conj else 0 for m in members]
        torch.index_select(powers, 0, _numbers(index, x), out=target)
        coefficients = [
            [factor * _falling(m.conj, b) * c for c in _logarithms(m.power, m.log, a)] if b <= m.conj else [0j] for m in members
        ]
        if len(conjugates) > 1:
            target *= conjugates[_numbers([max(m.conj - b, 0) for m in members], x)]
        table = w.new_tensor([c + [0j] * (logs + 1 - len(c)) for c in coefficients])  # (E, logs + 1)
        target *= table if log is None else table @ log


def _numbers(values: Iterable[int], like: Tensor) -> Tensor:
    return torch.tensor(list(values), device=like.device)


def _smallest(exponents: tuple[complex, ...], dtype: torch.dtype) -> float:
    """The distance |w| at which points are held away from the centre: 1e-150, more where a high negative power would overflow."""
    digits = 0.8 * math.log10(torch.finfo(dtype).max)
    steepest = max(-p.real for p in exponents)
    return float(10 ** (-digits / max(steepest, 1.64)))


def _powers(recipe: _Recipe, w: Tensor, radius: Tensor | None, angle: Tensor | None) -> Tensor:  # (K, N)
    result = w.new_empty(len(recipe.exponents), w.shape[0])
    for row, p, step in zip(result, recipe.exponents, recipe.steps, strict=True):
        if step is not None:
            torch.mul(result[step[0]], result[step[1]], out=row)
        elif p == 0:
            row.fill_(1)
        elif p == 1:
            row.copy_(w)
        elif p == -1:
            torch.reciprocal(w, out=row)
        elif radius is not None and angle is not None:
            size = torch.exp(p.real * radius - p.imag * angle if p.imag else p.real * radius)
            phase = p.real * angle + p.imag * radius if p.imag else p.real * angle
            torch.complex(size * phase.cos(), size * phase.sin(), out=row)
    return result


def _integer_powers(w: Tensor, highest: int) -> Tensor:  # (highest + 1, N)
    result = [torch.ones_like(w)]
    for _ in range(highest):
        result.append(result[-1] * w)
    return torch.stack(result)
