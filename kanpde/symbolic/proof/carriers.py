"""Curves and surfaces with exact parametrisations: circles by their angle, lines by a coordinate, spheres by two angles.

A carrier is a whole curve or surface; which part of it bounds a domain is for ``sites`` to find. A formula is analytic, so what
holds on a part in exact symbols holds on the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sympy as sp

from kanpde.problem.language import write_expression
from kanpde.problem.types import symbol
from kanpde.symbolic.proof.exact_shapes import Arguments

Ranges = Mapping[sp.Symbol, tuple[sp.Expr, sp.Expr]]


@dataclass(frozen=True)
class Carrier:
    """Where a curve or surface runs: coordinates as expressions of the symbols in ``ranges``, and a unit normal.

    Coordinates that are not in ``position`` run by themselves. ``name`` is the shape that it belongs to.
    """

    name: str
    words: str
    position: Mapping[sp.Symbol, sp.Expr]
    ranges: Ranges
    normal: Mapping[str, sp.Expr]
    sign: int = field(default=1)  # of the normal, once it is known on which side the domain lies


def carriers(
    kind: str, name: str, arguments: Arguments, coordinates: Sequence[str], box: Ranges, taken: set[str]
) -> Iterator[Carrier]:
    """What bounds a shape. ``box``: the ranges of the coordinates; ``taken``: names that an angle must not have."""
    if kind == "rectangle":
        (x0, y0), (x1, y1) = arguments
        yield from _polygon(name, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)], coordinates)
    elif kind == "polygon":
        yield from _polygon(name, list(arguments), coordinates)
    elif kind == "file":
        yield from _polygon(name, list(arguments[-1]), coordinates)
    elif kind in ("disk", "ellipse"):
        centre, *radii = arguments
        yield _ellipse(name, centre, radii[0], radii[-1], coordinates, taken, (sp.Integer(0), 2 * sp.pi))
    elif kind == "sector":
        centre, radius, start, end = arguments
        yield _ellipse(name, centre, radius, radius, coordinates, taken, (start, end))
        if (end - start) != 2 * sp.pi:
            for angle in (start, end):
                tip = tuple(c + radius * f(angle) for c, f in zip(centre, (sp.cos, sp.sin), strict=True))
                yield _segment(name, centre, tip, coordinates)
    elif kind == "ball":
        centre, radius = arguments
        yield _sphere(name, centre, radius, coordinates, taken)
    elif kind == "box":
        for axis, x in enumerate(coordinates):
            for corner in arguments:
                yield _plane(name, x, corner[axis], coordinates, box)
    elif kind == "cylinder":
        (a, b, c), radius, height = arguments
        side = _ellipse(name, (a, b), radius, radius, coordinates[:2], taken, (sp.Integer(0), 2 * sp.pi))
        z = coordinates[2]
        normal = {**side.normal, z: sp.Integer(0)}
        yield Carrier(
            name, side.words.replace("circle", "cylinder"), side.position, {**side.ranges, symbol(z): (c, c + height)}, normal
        )
        yield from (_plane(name, z, level, coordinates, box) for level in (c, c + height))


def _plane(name: str, coordinate: str, level: sp.Expr, coordinates: Sequence[str], box: Ranges) -> Carrier:
    """Where one coordinate has one value."""
    normal = {c: sp.Integer(int(c == coordinate)) for c in coordinates}
    ranges = {symbol(c): box[symbol(c)] for c in coordinates if c != coordinate}
    return Carrier(name, f"at {coordinate} = {_text(level)}", {symbol(coordinate): level}, ranges, normal)


def _polygon(name: str, corners: Sequence[Sequence[sp.Expr]], coordinates: Sequence[str]) -> Iterator[Carrier]:
    for k, corner in enumerate(corners):
        yield _segment(name, corners[k - 1], corner, coordinates)


def _segment(name: str, start: Sequence[sp.Expr], end: Sequence[sp.Expr], coordinates: Sequence[str]) -> Carrier:
    """A straight line with one of its two coordinates as its parameter."""
    (x, y), (x0, y0), (x1, y1) = (symbol(c) for c in coordinates), start, end
    dx, dy = sp.expand(x1 - x0), sp.expand(y1 - y0)
    length = sp.sqrt(dx**2 + dy**2)
    normal = dict(zip(coordinates, (dy / length, -dx / length), strict=True))
    if dx == 0:
        return Carrier(name, f"at {x} = {_text(x0)}", {x: x0}, {y: _sorted(y0, y1)}, normal)
    line = sp.expand(y0 + dy / dx * (x - x0)) if dy != 0 else y0
    words = f"at {y} = {_text(line)}" if dy == 0 else f"on the line {y} = {_text(line)}"
    return Carrier(name, words, {y: line}, {x: _sorted(x0, x1)}, normal)


def line(name: str, switch: sp.Expr, coordinates: Sequence[str], box: Ranges) -> Carrier | None:
    """The line or plane on which a linear expression is zero, by all coordinates but one; None where it is not linear."""
    symbols = [symbol(c) for c in coordinates]
    try:
        polynomial = sp.Poly(switch, *symbols)
    except sp.PolynomialError:
        return None
    if polynomial.total_degree() != 1:
        return None
    slopes = [polynomial.coeff_monomial(s) for s in symbols]
    k = max((k for k, slope in enumerate(slopes) if slope != 0), key=lambda k: slopes[k].is_number)
    value = sp.expand(symbols[k] - switch / slopes[k])
    size = sp.sqrt(sp.Add(*(slope**2 for slope in slopes)))
    words = f"{'at' if not value.has(*symbols) else 'on the line'} {symbols[k]} = {_text(value)}"
    ranges = {s: box[s] for s in symbols if s != symbols[k]}
    return Carrier(name, words, {symbols[k]: value}, ranges, {c: s / size for c, s in zip(coordinates, slopes, strict=True)})


def round_line(name: str, switch: sp.Expr, coordinates: Sequence[str], taken: set[str]) -> Carrier | None:
    """The circle, ellipse or sphere on which a quadratic expression is zero; None where it is none of them."""
    symbols = [symbol(c) for c in coordinates]
    try:
        polynomial = sp.Poly(switch, *symbols)
    except sp.PolynomialError:
        return None
    squares = [polynomial.coeff_monomial(s**2) for s in symbols]
    if polynomial.total_degree() != 2 or len(symbols) < 2 or any(square == 0 for square in squares):
        return None
    centre = [-polynomial.coeff_monomial(s) / (2 * square) for s, square in zip(symbols, squares, strict=True)]
    level = sp.expand(
        sp.Add(*(q * c**2 for q, c in zip(squares, centre, strict=True))) - polynomial.coeff_monomial(sp.Integer(1))
    )
    rest = sp.Add(*(q * (s - c) ** 2 for q, s, c in zip(squares, symbols, centre, strict=True))) - level
    if sp.expand(rest - switch) != 0:
        return None  # a product of two coordinates
    radii = [sp.sqrt(sp.simplify(level / q)) for q in squares]
    if len(symbols) == 2:
        return _ellipse(name, centre, radii[0], radii[1], coordinates, taken, (sp.Integer(0), 2 * sp.pi))
    return _sphere(name, tuple(centre), radii[0], coordinates, taken) if len(set(radii)) == 1 else None


def _ellipse(
    name: str,
    centre: Sequence[sp.Expr],
    a: sp.Expr,
    b: sp.Expr,
    coordinates: Sequence[str],
    taken: set[str],
    ends: tuple[sp.Expr, sp.Expr],
) -> Carrier:
    """x = p + a cos(theta), y = q + b sin(theta)."""
    theta = _angle("theta", taken)
    c, s = sp.cos(theta), sp.sin(theta)
    (x, y), (p, q) = (symbol(name) for name in coordinates), centre
    position = {x: p + a * c, y: q + b * s}
    speed = sp.Integer(1) if a == b else sp.sqrt(b**2 * c**2 + a**2 * s**2)
    normal = dict(zip(coordinates, (c, s) if a == b else (b * c / speed, a * s / speed), strict=True))
    curve = (x - p) ** 2 + (y - q) ** 2 if a == b else (x - p) ** 2 / a**2 + (y - q) ** 2 / b**2
    kind, size = ("circle", a**2) if a == b else ("ellipse", sp.Integer(1))
    words = f"on the {kind} {_text(curve)} = {_text(size)}: {x} = {_text(position[x])}, {y} = {_text(position[y])}"
    return Carrier(name, words, position, {theta: ends}, normal)


def _sphere(name: str, centre: Sequence[sp.Expr], radius: sp.Expr, coordinates: Sequence[str], taken: set[str]) -> Carrier:
    """x = p + r sin(phi) cos(theta), y = q + r sin(phi) sin(theta), z = m + r cos(phi)."""
    theta, phi = _angle("theta", taken), _angle("phi", taken)
    ray = (sp.sin(phi) * sp.cos(theta), sp.sin(phi) * sp.sin(theta), sp.cos(phi))
    symbols = [symbol(c) for c in coordinates]
    position = {s: c + radius * u for s, c, u in zip(symbols, centre, ray, strict=True)}
    surface = sp.Add(*((s - c) ** 2 for s, c in zip(symbols, centre, strict=True)))
    places = ", ".join(f"{s} = {_text(position[s])}" for s in symbols)
    words = f"on the sphere {_text(surface)} = {_text(radius**2)}: {places}"
    ranges = {theta: (sp.Integer(0), 2 * sp.pi), phi: (sp.Integer(0), sp.pi)}
    return Carrier(name, words, position, ranges, dict(zip(coordinates, ray, strict=True)))


def _angle(name: str, taken: set[str]) -> sp.Symbol:
    number = ""
    while name + number in taken:
        number = str(int(number or 1) + 1)
    return sp.Symbol(name + number, real=True)


def _sorted(a: sp.Expr, b: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """The lower end first, as far as numbers can tell; letters are positive."""
    numbers = {s: sp.Integer(1) for s in (a - b).free_symbols}
    return (a, b) if float((b - a).xreplace(numbers)) > 0 else (b, a)


def _text(e: sp.Expr) -> str:
    return write_expression(e)
