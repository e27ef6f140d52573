"""Fields with a symmetry: u = factor * f(s) + plus, where a shift or scaling of the coordinates multiplies u or adds to it.

(a + b x) u_x + (c + d y) u_y = e u + f is linear in its six numbers, so a vanishing combination of six known columns gives them.
Its characteristics are s: x - c t for two shifts, x / t^b for two scalings, x e^(b t) for one of each; e gives the factor
(e^(a t) or t^a), and f what is added (a t or a log t).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import sympy as sp

from kanpde.symbolic.form import Number, number
from kanpde.symbolic.rungs.combined import Combination
from kanpde.symbolic.rungs.slopes import Slopes
from kanpde.symbolic.sample import Array
from kanpde.symbolic.view import View

SMALL, GAP = 3e-3, 0.1
"""The smallest singular value over the largest, and over the second smallest: the columns have size 1."""

SHIFT_X, SCALE_X, SHIFT_Y, SCALE_Y, FACTOR, PLUS = range(6)
SPACES = (
    (SCALE_X, SHIFT_Y),
    (SHIFT_X, SCALE_Y),
    (SHIFT_X, SHIFT_Y, FACTOR),
    (SCALE_X, SCALE_Y, FACTOR),
    (SHIFT_X, SHIFT_Y, PLUS),
    (SCALE_X, SHIFT_Y, FACTOR),
    (SHIFT_X, SCALE_Y, FACTOR),
    (SCALE_X, SCALE_Y, PLUS),
    (SHIFT_X, SCALE_X, SHIFT_Y, SCALE_Y),
    (SHIFT_X, SCALE_X, SHIFT_Y, SCALE_Y, FACTOR),
)
"""Which numbers may be other than zero, fewest first. Two shifts, and two scalings, alone are what ``ridge`` begins with."""


def symmetries(view: View, found: Slopes) -> Iterator[Combination]:
    """Candidates for s, factor and plus of a field of two coordinates."""
    x, y = found.points
    u, u_x, u_y = (found.partials[order] for order in ((0, 0), (1, 0), (0, 1)))
    columns = np.stack([u_x, x * u_x, u_y, y * u_y, u, found.weight], 1)  # (N, 6)
    sizes = np.sqrt(np.mean(columns**2, axis=0))
    if not sizes.all():
        return
    r = np.linalg.qr(columns / sizes)[1]
    for space in SPACES:
        _, singular, right = np.linalg.svd(r[:, np.array(space)], full_matrices=False)
        if singular[-1] > SMALL * singular[0] or singular[-1] > GAP * singular[-2]:
            continue
        vector = np.zeros(6)
        vector[list(space)] = right[-1] / sizes[list(space)]
        combination = _combination(view, vector, space)
        if combination is not None:
            yield combination


def _combination(view: View, v: Array, space: tuple[int, ...]) -> Combination | None:
    """The characteristics of a v_0 + v_1 x, v_2 + v_3 y."""
    numbers: list[Number] = []

    def opened(value: float) -> sp.Expr:
        n = number(value)
        numbers.append(n)
        return n.symbol

    x, y = view.symbols
    if SCALE_X in space and SCALE_Y in space:
        if not (v[SCALE_X] and v[SCALE_Y]):
            return None
        base_x, sign_x = _based(view, 0, -v[SHIFT_X] / v[SCALE_X] if SHIFT_X in space else None, opened)
        base_y, sign_y = _based(view, 1, -v[SHIFT_Y] / v[SCALE_Y] if SHIFT_Y in space else None, opened)
        exponent = -v[SCALE_X] / v[SCALE_Y]
        if sign_y:
            s = base_x * (sign_y * base_y) ** opened(exponent)
        elif sign_x:
            s = base_y * (sign_x * base_x) ** opened(1 / exponent)
        elif abs(exponent - round(exponent)) < 1e-5 and not {FACTOR, PLUS} & set(space):
            s = base_x * base_y ** round(exponent)
        else:
            return None
        base, scale = (sign_y * base_y, v[SCALE_Y]) if sign_y else (sign_x * base_x, v[SCALE_X])
        time = sp.log(base)
    elif SCALE_X in space:
        s, time, scale = x * sp.exp(opened(-v[SCALE_X] / v[SHIFT_Y]) * y), y, v[SHIFT_Y]
    elif SCALE_Y in space:
        s, time, scale = y * sp.exp(opened(-v[SCALE_Y] / v[SHIFT_X]) * x), x, v[SHIFT_X]
    else:
        s, time, scale = x + opened(-v[SHIFT_X] / v[SHIFT_Y]) * y, y, v[SHIFT_Y]
    # along a characteristic du / dtime = -(factor u + plus) / scale
    factor, plus = sp.Integer(1), sp.Integer(0)
    if FACTOR in space:
        rate = opened(-v[FACTOR] / scale)
        factor = time.args[0] ** rate if time.func == sp.log else sp.exp(rate * time)
    if PLUS in space:
        plus = opened(-v[PLUS] / scale) * time
    how = "a function of a combined coordinate" + (", times a factor" if FACTOR in space else "")
    return Combination((s,), tuple(numbers), factor, plus, how)


def _based(view: View, i: int, centre: float | None, opened: Callable[[float], sp.Expr]) -> tuple[sp.Expr, int]:
    """The coordinate from its centre, and its sign in the box, 0 where it changes."""
    axis = view.samples.axes[i]
    base = view.symbols[i] if centre is None else view.symbols[i] - opened(centre)
    at = centre or 0.0
    return base, int(axis.lower >= at) - int(axis.upper <= at)
