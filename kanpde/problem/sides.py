"""The shape on whose boundary a switch changes: a half-space, a disk, an ellipse, a ball, or a shape that the file names."""

from __future__ import annotations

import numpy as np
import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Domain, Shape, halfspace
from kanpde.geometry.shapes import SHAPES
from kanpde.problem.jumps import inside_name, inside_symbol
from kanpde.problem.language import write_expression
from kanpde.problem.types import symbol


def side(
    switch: sp.Expr,  # compared with zero, or the symbol inside(name)
    domain: Domain,
) -> Shape:
    """The points of space where a switch is negative, or inside the shape that it names. Its name is the switch as text."""
    text = write_expression(switch)
    if inside_symbol(switch):
        shape = domain.named[inside_name(switch)]
        if domain.axes_of(shape) != domain.space_axes:
            raise UnsupportedProblem(
                f"a coefficient that jumps where not all coordinates of space decide ('{text}') is not solved yet"
            )
        return shape
    space = [symbol(domain.coordinates[axis]) for axis in domain.space_axes]
    try:
        polynomial = sp.Poly(switch, *space)
    except sp.PolynomialError:
        raise _no_shape(text) from None
    if polynomial.free_symbols_in_domain or polynomial.total_degree() > 2:
        raise _no_shape(text)
    square, line, constant = _coefficients(polynomial, len(space))
    if polynomial.total_degree() == 1:
        return halfspace(text, tuple(line.tolist()), 0.0 - constant)
    if square is None or len(space) < 2 or not ((square > 0).all() or (square < 0).all()):
        raise _no_shape(text)
    centre = 0.0 - line / (2 * square)
    radii = np.sqrt((centre**2 * square).sum() / square - constant / square)
    if np.isnan(radii).any() or not radii.all():
        raise _no_shape(text)
    middle = tuple(centre.tolist())
    if np.ptp(radii) < 1e-14 * radii.max():
        return SHAPES["disk" if len(space) == 2 else "ball"](text, middle, float(radii[0]))
    if len(space) == 2:
        return SHAPES["ellipse"](text, middle, *radii.tolist())
    raise _no_shape(text)


def other_side(shape: Shape) -> Shape | None:
    """The other side of a half-space; None for a shape, whose outside is no shape."""
    if shape.kind != "halfspace":
        return None
    normal, offset = shape.arguments
    return halfspace(shape.name, tuple(0.0 - n for n in normal), 0.0 - offset)


def whole_box(domain: Domain) -> Shape:
    """The box around the domain in space, as a shape; in one coordinate the interval as a half-space that contains it."""
    low, high = (tuple(domain.bounds[list(domain.space_axes), k].tolist()) for k in (0, 1))
    if len(low) == 1:
        return halfspace("domain", (1.0,), high[0])
    return SHAPES["rectangle" if len(low) == 2 else "box"]("domain", low, high)


def _coefficients(
    polynomial: sp.Poly, dimension: int
) -> tuple[np.ndarray | None, np.ndarray, float]:  # of the squares (d,), None where products of coordinates occur; (d,)
    square, line, constant = np.zeros(dimension), np.zeros(dimension), 0.0
    mixed = False
    for powers, coefficient in polynomial.terms():
        value = float(sp.N(coefficient, 17))
        if sum(powers) == 0:
            constant = value
        elif sum(powers) == 1:
            line[powers.index(1)] = value
        elif 2 in powers:
            square[powers.index(2)] = value
        else:
            mixed = True
    return None if mixed else square, line + 0.0, constant + 0.0  # + 0.0 takes the sign from -0.0


def _no_shape(text: str) -> UnsupportedProblem:
    hint = "a line, a circle, an ellipse, or a shape named under 'domain' would be"
    return UnsupportedProblem(f"a coefficient that jumps where {text} = 0 is not solved yet; {hint}")
