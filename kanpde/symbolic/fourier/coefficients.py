"""Fourier coefficients in closed form, with the number n of the mode as a symbol.

Only elementary integrands are read: polynomials times exponentials times sines and cosines, in pieces. Their antiderivatives are
written down (integration by parts ends), never searched for, so that nothing here can hang.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import sympy as sp
from sympy.simplify.fu import TR8

from kanpde.problem.jumps import resolved, switches

LONGEST = 200
"""Operations of a coefficient that is factored, in at most half a second."""
MOST_PIECES = 8
HIGHEST = 12
"""Power of a coordinate in the data: each is another integration by parts."""

Values = Mapping[sp.Symbol, sp.Expr]


@dataclass(frozen=True)
class Modes:
    """sin or cos of ``wave`` (z - origin), orthogonal from ``start`` to ``end``; ``wave`` is a multiple of pi linear in ``n``."""

    kind: Literal["sin", "cos"]
    wave: sp.Expr
    start: sp.Expr
    end: sp.Expr
    n: sp.Symbol
    origin: sp.Expr

    def at(self, z: sp.Expr) -> sp.Expr:
        """The mode as a function of z."""
        return (sp.sin if self.kind == "sin" else sp.cos)(self.wave * (z - self.origin))

    @property
    def length(self) -> sp.Expr:
        """The length of the interval."""
        return self.end - self.start

    def at_index(self, index: sp.Expr) -> Modes:
        """The same modes with another index put in for n."""
        return Modes(self.kind, self.wave.subs(self.n, index), self.start, self.end, self.n, self.origin)


Ends = Literal["DD", "NN", "DN", "ND"]
"""The value (D) or the derivative (N) is zero, first at the start, then at the end."""


def sine_or_cosine(ends: Ends, start: sp.Expr, end: sp.Expr, n: sp.Symbol) -> Modes:
    """The eigenfunctions of -d2/dz2, n = 1, 2, ...; with NN there is the constant besides."""
    length = end - start
    wave = n * sp.pi / length if ends[0] == ends[1] else (2 * n - 1) * sp.pi / (2 * length)
    return Modes("sin" if ends[0] == "D" else "cos", wave, start, end, n, start)


def mean(g: sp.Expr, z: sp.Symbol, start: sp.Expr, end: sp.Expr, values: Values) -> sp.Expr | None:
    """The mean value of g over the interval; None where its antiderivative is not written down."""
    found = pieces(g, z, start, end, values)
    if g == 0 or found is None:
        return None if found is None else sp.Integer(0)
    total = sp.Integer(0)
    for lower, upper, piece in found:
        whole = antiderivative(piece, z, None)
        if whole is None:
            return None
        total += whole.subs(z, upper) - whole.subs(z, lower)
    return tidy(total / (end - start))


def coefficient(g: sp.Expr, z: sp.Symbol, modes: Modes, values: Values) -> sp.Expr | None:
    """The coefficient of g at every mode, 2/L times the integral of g mode, as a formula in n.

    None where g is not of the kind that is read, and where one of the modes is part of g itself (the series would end).
    """
    if g == 0:
        return g
    total = sp.Integer(0)
    found = pieces(g, z, modes.start, modes.end, values)
    if found is None:
        return None
    for lower, upper, piece in found:
        whole = antiderivative(piece, z, modes)
        if whole is None:
            return None
        total += whole.subs(z, upper) - whole.subs(z, lower)
    return tidy(2 * total / modes.length)


def pieces(
    g: sp.Expr, z: sp.Symbol, start: sp.Expr, end: sp.Expr, values: Values
) -> list[tuple[sp.Expr, sp.Expr, sp.Expr]] | None:
    """(lower end, upper end, formula) of every piece in which g is smooth; None if a break has no formula."""
    places: list[sp.Expr] = []
    for switch in switches(g, {z} | set(values)):
        if not switch.has(z):
            continue
        if not switch.is_polynomial(z) or sp.degree(switch, z) > 2:
            return None
        places += [root for root in sp.roots(sp.Poly(switch, z)) if root.xreplace(dict(values)).is_real]
    numbers = {place: float(sp.N(place.xreplace(dict(values)))) for place in (start, end, *places)}
    inner = sorted((p for p in dict.fromkeys(places) if numbers[start] < numbers[p] < numbers[end]), key=numbers.__getitem__)
    if len(inner) >= MOST_PIECES:
        return None
    edges = [start, *inner, end]
    letters = {s: float(sp.N(v)) for s, v in values.items()}
    found = []
    for lower, upper in pairwise(edges):
        found.append((lower, upper, resolved(g, {**letters, z: (numbers[lower] + numbers[upper]) / 2})))
    return found


def antiderivative(g: sp.Expr, z: sp.Symbol, modes: Modes | None) -> sp.Expr | None:
    """A function whose derivative by z is g times the mode (g itself, without modes); None where g is not of the kind read."""
    if modes is None:
        return _of_terms(g, z, sp.Integer(0), sp.Integer(0), "cos", {})
    resonant = {modes.n: modes.wave}
    return _of_terms(g, z, modes.wave, -modes.wave * modes.origin, modes.kind, resonant)


def _of_terms(
    g: sp.Expr, z: sp.Symbol, wave: sp.Expr, phase: sp.Expr, kind: str, resonant: Mapping[sp.Symbol, sp.Expr]
) -> sp.Expr | None:
    """The antiderivative of g times sin or cos of (wave z + phase), term by term."""
    total = sp.Integer(0)
    for term in () if g == 0 else sp.Add.make_args(sp.expand(TR8(sp.expand(g.rewrite([sp.sinh, sp.cosh], sp.exp))))):
        factor, rest = term.as_independent(z)
        read = wave_of(rest, z)
        if read is None:
            return None
        power, rate, shift, turn = read
        factor *= sp.exp(shift)
        if turn is None:
            total += factor * _part(power, rate, wave, phase, kind, z)
            continue
        function, b, c = turn
        if _meets(b, resonant):
            return None
        for sign in (1, -1):  # the product of two waves is a sum of waves
            both = _part(power, rate, wave + sign * b, phase + sign * c, _product_kind(kind, function), z)
            total += factor * _product_sign(kind, function, sign) / 2 * both
    return total


def wave_of(product: sp.Expr, z: sp.Symbol) -> tuple[int, sp.Expr, sp.Expr, tuple[Any, sp.Expr, sp.Expr] | None] | None:
    """z^power e^(rate z + shift) times sin or cos of (b z + c), as (power, rate, shift, (sin or cos, b, c) or None)."""
    power, rate, shift, turn = 0, sp.Integer(0), sp.Integer(0), None
    for part in sp.Mul.make_args(product):
        base, exponent = part.as_base_exp()
        if base == z and exponent.is_Integer and 0 <= exponent <= HIGHEST:
            power += int(exponent)
        elif isinstance(part, sp.exp) and (linear := _linear(part.exp, z)):
            rate, shift = rate + linear[0], shift + linear[1]
        elif isinstance(part, sp.sin | sp.cos) and turn is None and (linear := _linear(part.args[0], z)):
            turn = (type(part), *linear)
        elif part != 1:
            return None
    return power, rate, shift, turn


def _linear(e: sp.Expr, z: sp.Symbol) -> tuple[sp.Expr, sp.Expr] | None:
    """Slope and constant of an expression linear in z."""
    slope = sp.diff(e, z)
    return None if slope.has(z) else (slope, sp.expand(e - slope * z))


def _meets(b: sp.Expr, resonant: Mapping[sp.Symbol, sp.Expr]) -> bool:
    """Whether the frequency b is that of one of the modes."""
    for n, wave in resonant.items():
        slope = sp.diff(wave, n)
        for sign in (1, -1):
            if sp.simplify((sign * b - wave.subs(n, 0)) / slope).is_integer:
                return True
    return False


def _product_kind(kind: str, function: type[sp.Function]) -> str:
    return "cos" if (kind == "cos") == (function is sp.cos) else "sin"


def _product_sign(kind: str, function: type[sp.Function], sign: int) -> int:
    """cos A cos B = (cos(A+B) + cos(A-B))/2, sin A sin B = (cos(A-B) - cos(A+B))/2, sin A cos B, cos A sin B alike."""
    if kind == "cos":
        return 1 if function is sp.cos else sign
    return 1 if function is sp.cos else -sign


def _part(power: int, rate: sp.Expr, wave: sp.Expr, phase: sp.Expr, kind: str, z: sp.Symbol) -> sp.Expr:
    """The antiderivative of z^power e^(rate z) sin or cos of (wave z + phase).

    With q = 1/(rate + i wave), that of z^k e^((rate + i wave) z) is e^(...) times the sum of (-1)^j (z^k)^(j) q^(j + 1).
    """
    if wave == 0 and rate == 0:
        return z ** (power + 1) / (power + 1) * (sp.sin(phase) if kind == "sin" else sp.cos(phase))
    size = rate**2 + wave**2
    q = (rate / size, -wave / size)
    re, im = q
    total_re, total_im = sp.Integer(0), sp.Integer(0)
    slope = z**power
    for j in range(power + 1):
        sign = (-1) ** j
        total_re, total_im = total_re + sign * slope * re, total_im + sign * slope * im
        slope = sp.diff(slope, z)
        re, im = re * q[0] - im * q[1], re * q[1] + im * q[0]
    angle = sp.expand(wave * z + phase)
    grown = sp.exp(rate * z)
    if kind == "sin":
        return grown * (total_re * sp.sin(angle) + total_im * sp.cos(angle))
    return grown * (total_re * sp.cos(angle) - total_im * sp.sin(angle))


def tidy(e: sp.Expr) -> sp.Expr:
    """A coefficient over one denominator, factored where that is shorter; long ones are not."""
    together = sp.factor_terms(sp.together(e))
    if e.count_ops() > LONGEST:
        return together
    return min(sp.factor_terms(sp.factor(sp.together(sp.expand(e)))), together, key=sp.count_ops)


def of_parity(e: sp.Expr, n: sp.Symbol, odd: bool) -> sp.Expr:
    """The formula for odd n = 2 n' - 1 or even n = 2 n', in terms of n' (written n again)."""
    return tidy(e.subs(n, 2 * n - 1 if odd else 2 * n))
