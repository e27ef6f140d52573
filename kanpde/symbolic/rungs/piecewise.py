"""Functions with kinks and jumps, and fields in several materials: a formula on each side, joined.

The box is cut where the function breaks, every part goes through the other rungs of the ladder, and the forms become one
``Piecewise``. A function that touches zero at its kinks is tried as an absolute value first: with its sign put back it is smooth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import sympy as sp

from kanpde.geometry import Combination, Shape
from kanpde.geometry.shapes import leaves
from kanpde.problem.jumps import inside_name, inside_symbol
from kanpde.problem.materials import materials
from kanpde.problem.types import Problem, symbol
from kanpde.symbolic.boxes import boxes, sample_box
from kanpde.symbolic.form import Form
from kanpde.symbolic.rungs.breaks import Break, breaks, named_breaks, refitted
from kanpde.symbolic.sample import Array, Axis, Sampler, Samples, family, sample
from kanpde.symbolic.view import View

Search = Callable[[View], Iterator[Form]]
"""The other rungs."""

FORMS_A_PIECE = 3
MOST_NUMBERS = 24
LEVELS = (1e-10, 1e-8, 1e-6)
"""Noise, in units of the field, at which breaks are sought: the Chebyshev tail, which should tell it, belongs to the kink."""
LONGEST = 80
"""Operations of a Piecewise that is worth being rewritten: longer ones make no Abs that anybody would read."""


def piecewise(view: View, search: Search, sampler: Sampler | None = None) -> Iterator[Form]:
    """Forms of a field that breaks at places of one coordinate; ``search`` finds those of the pieces.

    With a ``sampler`` each piece is sampled anew. Without one it is the polynomial through the nodes that lie in it.
    """
    for axis, x in enumerate(view.symbols):
        if not view.budget.left or _smooth_along(view.samples, axis):
            continue
        found = _breaks_along(view, axis)
        if found is None:
            continue
        if any(b.exact is None for b in found):
            listed = ", ".join(f"{b.value:.6g}" for b in found)
            view.transcript.append(f"breaks at {x} = {listed}, which are no simple numbers")
            continue
        yield from _absolute(view, axis, found, search)
        parts = _pieces(view, axis, found, sampler)
        yield from _combined(view, parts, [sp.Lt(x, b.exact) for b in found], search)


def _smooth_along(samples: Samples, axis: int) -> bool:
    """Whether the Chebyshev series along one coordinate falls to a thousandth of its noise-free start, as no kink's does."""
    series = np.abs(samples.axes[axis].coefficients(samples.values, axis))
    sizes = np.moveaxis(series, axis, 0).reshape(series.shape[axis], -1).max(1)
    return bool(sizes[-len(sizes) // 8 :].max() < 1e-9 * sizes.max())


def _breaks_along(view: View, axis: int) -> list[Break] | None:
    samples = view.samples
    nodes = samples.axes[axis].nodes
    columns = family(samples, axis, min(samples.sigma, 1e-6 * samples.size)).values[:, :4]  # (n, r)
    candidates: list[tuple[float, sp.Expr]] = []
    if view.problem is not None:
        named = named_breaks(view.problem).get(view.symbols[axis].name, [])
        candidates = [(float(sp.N(view.problem.with_values(e), 17)), e) for e in named]
    for level in LEVELS:
        found = breaks(nodes, columns, level * samples.size, candidates)
        if found is not None:
            return found
    return None


def _absolute(view: View, axis: int, found: Sequence[Break], search: Search) -> Iterator[Form]:
    """|f| with a smooth f, from a function of one sign whose breaks are its zeros."""
    samples = view.samples
    size = np.abs(samples.values).max()
    sign = np.sign(samples.values.sum())
    if (sign * samples.values < -1e-6 * size).any():
        return
    x = samples.axes[axis].nodes
    flips = np.prod([np.where(x < b.value, -1.0, 1.0) for b in found], axis=0)  # (n,)
    shape = [-1 if i == axis else 1 for i in range(samples.values.ndim)]
    smooth = _measured(samples, samples.values * sign * flips.reshape(shape))
    if not _smooth_along(smooth, axis):
        return
    for form in islice(search(view.of(smooth)), FORMS_A_PIECE):
        yield Form(sign_of(sign) * sp.Abs(form.expression), form.numbers, f"absolute value of: {form.how}")


def sign_of(value: float) -> sp.Integer:
    """Plus or minus one."""
    return sp.Integer(1 if value > 0 else -1)


def _measured(samples: Samples, values: Array) -> Samples:
    """Samples of other values on the same nodes, their noise read from the tail again, as it was that of a kink."""
    again = sample(lambda *_: values, [(a.lower, a.upper) for a in samples.axes], None) if _regular(samples) else None
    return replace(samples, values=values) if again is None else replace(again, sigma=min(again.sigma, samples.sigma))


def _regular(samples: Samples) -> bool:
    from kanpde.symbolic.sample import NODES

    return samples.values.shape == (NODES.get(samples.values.ndim, 0),) * samples.values.ndim


def _pieces(view: View, axis: int, found: Sequence[Break], sampler: Sampler | None) -> list[View]:
    """The views of the pieces, from left to right."""
    samples = view.samples
    whole = samples.axes[axis]
    ends = [whole.lower, *(b.value for b in found), whole.upper]
    cuts = [0, *(b.index for b in found), whole.n]
    result = []
    for k in range(len(ends) - 1):
        if sampler is not None:
            bounds = [(ends[k], ends[k + 1]) if i == axis else (a.lower, a.upper) for i, a in enumerate(samples.axes)]
            own = sample(sampler, bounds, None)
            result.append(view.of(replace(own, sigma=min(own.sigma, samples.sigma))))
            continue
        part = Axis(ends[k], ends[k + 1], whole.n)
        columns = np.moveaxis(samples.values, axis, 0)[cuts[k] : cuts[k + 1]]  # (m, ...)
        flat = columns.reshape(len(columns), -1)
        nodes = whole.nodes[cuts[k] : cuts[k + 1]]
        off = float(np.sqrt(np.mean((refitted(nodes, flat, nodes) - flat) ** 2)))
        values = np.moveaxis(refitted(nodes, flat, part.nodes).reshape(whole.n, *columns.shape[1:]), 0, axis)
        floor = 4 * np.finfo(float).eps * float(np.abs(values).max(initial=0.0))
        axes = tuple(part if i == axis else a for i, a in enumerate(samples.axes))
        result.append(view.of(Samples(axes, np.ascontiguousarray(values), max(2 * off, floor), True)))
    return result


def _combined(view: View, parts: Sequence[View], conditions: Sequence[sp.Basic], search: Search) -> Iterator[Form]:
    """Forms of all parts joined: the first of each, then others in place of one of them. None if a part has none."""
    searches = [_of_part(part, search) for part in parts]
    found: list[list[Form]] = []
    for forms in searches:
        first = next(forms, None)
        if first is None:
            view.transcript.append("one side of a break has no form")
            return
        found.append([first])

    def together(chosen: Sequence[Form]) -> Iterator[Form]:
        form = joined(list(zip(chosen, (*conditions, sp.true), strict=True)))
        if len(form.numbers) <= MOST_NUMBERS:
            yield form

    first_of_all = [forms[0] for forms in found]
    yield from together(first_of_all)
    for k, forms in enumerate(searches):
        for other in islice(forms, FORMS_A_PIECE - 1):
            yield from together([*first_of_all[:k], other, *first_of_all[k + 1 :]])


def _of_part(part: View, search: Search) -> Iterator[Form]:
    """The forms of one part; that of nothing but noise is zero."""
    if part.samples.size <= 3 * part.sigma:
        return iter([Form(sp.Integer(0), (), "zero")])
    return search(part)


def joined(pieces: Sequence[tuple[Form, sp.Basic]]) -> Form:
    """One form from several: each holds where its condition does and none before it does."""
    expression = sp.Piecewise(*((form.expression, condition) for form, condition in pieces))
    numbers = tuple(n for form, _ in pieces for n in form.numbers if expression.has(n.symbol))
    if not isinstance(expression, sp.Piecewise):
        return Form(expression, numbers, pieces[-1][0].how)
    return Form(expression, numbers, "piecewise: " + "; ".join(form.how or "a form" for form, _ in pieces))


def by_materials(view: View, sampler: Sampler, search: Search, sigma: float | None = None) -> Iterator[Form]:
    """Forms of a field in several materials: one for each, joined by where the materials lie.

    ``view`` gives the problem, its symbols and the budget; its samples are not looked at. ``sigma`` is the solver's own estimate
    of its absolute error.
    """
    if view.problem is None:
        return
    conditions = region_conditions(view.problem)
    found = boxes(view.problem)
    if len(conditions) < 2 or len(found) < len(conditions):
        return
    parts = [view.of(sample_box(sampler, box, sigma)) for box in found]
    yield from _combined(view, parts, conditions[:-1], search)


def region_conditions(problem: Problem) -> list[sp.Basic]:
    """Where each material lies, in the coordinates; what the last one has is what is left. Empty where that has no formula."""
    found = materials(problem)
    if found is None:
        return []
    names: dict[sp.Symbol, sp.Basic] = {}
    for region in found.regions[:-1]:
        for s in filter(inside_symbol, region.predicate.free_symbols):
            shape = problem.domain.named[inside_name(s)]
            inequality = _inequality(shape, [problem.coordinates[axis] for axis in problem.domain.axes_of(shape)])
            if inequality is None:
                return []
            names[s] = inequality
    return [*(region.predicate.subs(names) for region in found.regions[:-1]), sp.true]


def _inequality(shape: Shape | Combination, coordinates: Sequence[str]) -> sp.Basic | None:
    """The points of a disk, an ellipse, a ball, a rectangle or a box; None for any other shape."""
    x = [symbol(name) for name in coordinates]
    if not isinstance(shape, Shape) or list(leaves(shape)) != [shape]:
        return None
    exact = [[sp.Rational(str(v)) for v in np.ravel(a)] for a in shape.arguments]
    if shape.kind in ("disk", "ball"):
        centre, (radius,) = exact
        return sp.Lt(sp.Add(*((s - c) ** 2 for s, c in zip(x, centre, strict=True))), radius**2)
    if shape.kind == "ellipse":
        centre, (a,), (b,) = exact
        return sp.Lt((x[0] - centre[0]) ** 2 / a**2 + (x[1] - centre[1]) ** 2 / b**2, 1)
    if shape.kind in ("rectangle", "box"):
        low, high = exact
        return sp.And(*(sp.Gt(s, a) for s, a in zip(x, low, strict=True)), *(sp.Lt(s, b) for s, b in zip(x, high, strict=True)))
    return None


def shorten(expression: sp.Expr) -> sp.Expr:
    """Every Piecewise of two sides of a line as |x - a|, max(0, x - a) or sign(x - a), where that is shorter.

    Left L and right R are (L + R)/2 + (R - L)/2 sign(x - a). Long expressions stay as they are.
    """
    replacements: Mapping[sp.Basic, sp.Basic] = {p: _shortened(p) for p in expression.atoms(sp.Piecewise)}
    return expression.xreplace(replacements)


def _shortened(piece: sp.Piecewise) -> sp.Expr:
    if len(piece.args) != 2 or piece.count_ops() > LONGEST or piece.args[1][1] != sp.true:
        return piece
    (left, condition), (right, _) = piece.args
    if not isinstance(condition, sp.StrictLessThan | sp.LessThan | sp.StrictGreaterThan | sp.GreaterThan):
        return piece
    distance = condition.lts - condition.gts  # negative where the first branch holds
    if not distance.is_polynomial() or sp.Poly(distance, *distance.free_symbols).total_degree() > 1:
        return piece  # two materials on both sides of a circle are read better one by one
    middle, half = (sp.expand((left + right) / 2), sp.expand((right - left) / 2))
    options: list[sp.Expr] = [piece]
    slope = sp.cancel(half / distance)
    varies = distance.free_symbols & slope.free_symbols
    if sp.denom(slope).is_number and (not varies or middle == 0):
        options.append(sp.factor_terms(middle + slope * sp.Abs(distance)))
        if not varies:
            options += [side + 2 * slope * sp.Max(0, way) for side, way in ((left, distance), (right, -distance))]
    elif not half.free_symbols & distance.free_symbols:
        options.append(middle + half * sp.sign(distance))
    return min(options, key=lambda e: (e.count_ops() + 4 * e.has(sp.Piecewise), e.has(sp.sign)))
