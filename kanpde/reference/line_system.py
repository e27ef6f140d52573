"""A scalar problem in one space coordinate and time as an implicit system F(t, y, y') = 0 on piecewise polynomials.

The state y is the Chebyshev coefficients of u, and of v = u_t as well where the equation is of second order in time. Per
interval the equation is collocated at (degree + 1 - q) Gauss points, q its order in space; u, ..., the derivative of order
q - 1 are continuous; the conditions at the two ends are the q rows that are left. Continuity and conditions without u_t are
algebraic: they hold exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import sympy as sp
from scipy import sparse
from scipy.sparse.linalg import splu

from kanpde.errors import UnsupportedProblem
from kanpde.geometry import Face
from kanpde.problem.types import MultiIndex, Problem, Residual, jet_symbol, symbol
from kanpde.reference.pieces import Pieces
from kanpde.reference.pointwise import Function, Pointwise
from kanpde.reference.types import OutOfTime


@dataclass(frozen=True)
class LineProblem:
    """What the equation and its conditions are, sorted by where they hold; nothing of the discretisation.

    ``start`` gives u, and u_t where the order in time is 2, at the first time, as functions of x.
    """

    problem: Problem
    space: int  # the number of the space coordinate
    time: int
    order: int  # in space
    time_order: int  # 1 or 2
    periodic: bool
    equation: Pointwise
    ends: tuple[tuple[int, Pointwise], ...]  # side, condition
    start: tuple[Callable[[np.ndarray], np.ndarray], ...]

    @property
    def interval(self) -> np.ndarray:  # (2,)
        """The ends of the space coordinate."""
        return self.problem.domain.bounds[self.space]

    @property
    def span(self) -> np.ndarray:  # (2,)
        """First and last time."""
        return self.problem.domain.bounds[self.time]

    @property
    def even_pieces(self) -> bool:
        """Whether all pieces must be equally long: u_xxx on a circle has growing modes where joined pieces are unequal.

        Measured on u_t + u_xxx / 2000 = 0, degree 14: growth rates up to 4e2 with pieces graded 1 : 2, 6e-9 without; none for
        orders 1, 2 and 4, and none between two ends.
        """
        return self.order == 3 and self.periodic

    @property
    def parts(self) -> int:
        """Into how many a piece is divided: 2, but 3 where the number of pieces must stay odd.

        On a circle with an equation of odd order, an even number of pieces, or of Gauss points in each, leaves a function that
        vanishes at all Gauss points and is as smooth as the joints ask: for order 1, the Legendre polynomial in every piece.
        """
        return 3 if self.periodic and self.order % 2 else 2

    def degree(self, degree: int) -> int:
        """The degree to use for one asked for: odd where the number of Gauss points must be."""
        return degree + (self.parts == 3 and degree % 2 == 0)

    def at(self, x: np.ndarray | float, t: np.ndarray | float) -> list[np.ndarray | float]:
        """Points in the order of the problem's coordinates."""
        return [x, t] if self.space == 0 else [t, x]


def line_problem(problem: Problem) -> LineProblem:
    """Sort a problem for the method of lines; UnsupportedProblem, with the reason, if it is not one for it."""
    domain = problem.domain
    if domain.dimension != 2 or domain.time_axis is None:
        raise UnsupportedProblem("the method of lines needs one space coordinate and time")
    time, space = domain.time_axis, domain.space_axes[0]
    equation = Pointwise(problem, problem.equations[0])
    order = max((index[space] for index in equation.indices), default=0)
    time_order = max((index[time] for index in equation.indices), default=0)
    if time_order not in (1, 2) or order < 1:
        raise UnsupportedProblem(
            f"the method of lines needs order 1 or 2 in time and at least 1 in space, not {time_order} and {order}"
        )
    periodic = domain.coordinates[space] in domain.periodic
    ends = [] if periodic else _end_conditions(problem, space)
    if not periodic and len(ends) != order:
        raise UnsupportedProblem(f"an equation of order {order} in space needs {order} conditions at the ends, not {len(ends)}")
    start = _initial(problem, space, time, time_order)
    return LineProblem(problem, space, time, order, time_order, periodic, equation, tuple(ends), start)


def _end_conditions(problem: Problem, space: int) -> list[tuple[int, Pointwise]]:
    found: list[tuple[int, Pointwise]] = []
    for condition in problem.conditions:
        if condition.kind != "boundary":
            continue
        if condition.place.predicate is not None and condition.place.predicate != sp.true:
            raise UnsupportedProblem(f"the method of lines knows whole ends only, not '{condition.place.text}'", condition.span)
        for face in condition.place.faces:
            if face.axis == space:
                found += [(face.side, Pointwise(problem, r.on_face(face, problem.coordinates))) for r in condition.residuals]
    return found


def _initial(problem: Problem, space: int, time: int, time_order: int) -> tuple[Callable[[np.ndarray], np.ndarray], ...]:
    """u, u_t at the first time as formulas, from conditions that are affine in them."""
    name, coordinates = problem.fields[0].name, problem.coordinates
    known: dict[sp.Symbol, sp.Expr] = {}
    for q in range(time_order):
        index = tuple(q if axis == time else 0 for axis in range(2))
        target = jet_symbol(name, index, coordinates)
        for condition in problem.conditions:
            for r in condition.residuals if condition.kind == "initial" else ():
                if r.order_in(time) != q or target in known:
                    continue
                values = {s: known[jet_symbol(name, (0, 0), coordinates)] for s in r.jets if q and r.jets[s][1][time] == 0}
                known[target] = _solve(r.on_face(Face(time, -1), coordinates), target, values, coordinates, space)
        if target not in known:
            raise UnsupportedProblem(f"the method of lines needs '{target}' at the first time")
    first = problem.limits[coordinates[time]][0] if coordinates[time] in problem.limits else problem.domain.bounds[time, 0]
    at_start = {symbol(coordinates[time]): sp.sympify(first, strict=True)}
    functions = [Function(problem, value.subs(at_start)) for value in known.values()]
    return tuple(_of_x(f, space) for f in functions)


def _of_x(f: Function, space: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: f([x, 0.0] if space == 0 else [0.0, x])


def _solve(r: Residual, target: sp.Symbol, known: dict[sp.Symbol, sp.Expr], coordinates: tuple[str, ...], space: int) -> sp.Expr:
    """The value of ``target`` that makes an initial condition hold; derivatives of u by x come from u at the first time."""
    derivatives = {s: sp.diff(value, symbol(coordinates[space]), r.jets[s][1][space]) for s, value in known.items()}
    expression = r.expression.xreplace(derivatives)
    slope = sp.diff(expression, target)
    if slope == 0 or slope.has(target) or any(s != target and expression.has(s) for s in r.jets):
        raise UnsupportedProblem(f"the initial condition '{r.text}' does not give '{target}' directly", r.span)
    return sp.expand_mul(-expression.xreplace({target: sp.Integer(0)}) / slope)


class _Block:
    """Rows that collocate one residual at some places: jets by matrices from y and y', Jacobians back by the same."""

    def __init__(
        self,
        residual: Pointwise,
        x: np.ndarray | float,
        line: LineProblem,
        maps: dict[tuple[int, int], tuple[str, sparse.csr_matrix]],
    ) -> None:
        self.residual, self.x, self.line = residual, x, line
        self.maps = {index: maps[index[line.space], index[line.time]] for index in residual.indices}
        self.rows = np.size(x)

    def jets(self, y: np.ndarray, rate: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:  # (s, n), (s, n) -> (s, rows)
        return {index: (m @ (rate if of == "rate" else y).T).T for index, (of, m) in self.maps.items()}

    def value(self, t: np.ndarray, y: np.ndarray, rate: np.ndarray) -> np.ndarray:  # (s, rows)
        times = np.asarray(t)[:, None]
        value, _ = self.residual(self.line.at(np.atleast_1d(self.x)[None, :], times), self.jets(y, rate))
        return np.broadcast_to(value, (len(times), self.rows))

    def slopes(self, t: float, y: np.ndarray, rate: np.ndarray) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        n = y.shape[-1]
        total = {"state": sparse.csr_matrix((self.rows, n)), "rate": sparse.csr_matrix((self.rows, n))}
        _, by = self.residual(self.line.at(np.atleast_1d(self.x)[None, :], np.array([[t]])), self.jets(y[None], rate[None]))
        for index, (of, m) in self.maps.items():
            weights = np.broadcast_to(by[index], (1, self.rows))[0]
            total[of] = total[of] + sparse.diags(weights) @ m
        return total["state"], total["rate"]


class LineSystem:
    """The implicit system on given pieces (an ``ImplicitSystem`` of radau.py)."""

    def __init__(self, line: LineProblem, pieces: Pieces, deadline: Callable[[], bool] = lambda: False) -> None:
        self.line, self.pieces, self.deadline = line, pieces, deadline
        points = pieces.degree + 1 - line.order
        space, second = range(line.order + 1), line.time_order == 2
        u, v = self._lift(0), self._lift(1) if second else None
        self._blocks = [_Block(line.equation, pieces.gauss(points), line, self._maps(partial(pieces.at_gauss, points), space))]
        joints = pieces.continuity(line.order, line.periodic)
        still, moving = [joints @ u], [sparse.csr_matrix(joints.shape) @ u]
        if v is not None:
            p = pieces.at_gauss(points, 0)
            still += [joints @ v, -(p @ v)]
            moving += [sparse.csr_matrix(joints.shape) @ u, p @ u]
        for side, condition in line.ends:
            x = float(line.interval[(side + 1) // 2])
            maps = self._maps(partial(pieces.at_end, side), space)
            highest = max((index[line.time] for index in condition.indices), default=0)
            self._blocks.append(_Block(condition, x, line, maps))
            if v is not None and highest == 0:
                self._blocks.append(_Block(self._in_time(condition), x, line, maps))
            elif v is not None:
                row = pieces.at_end(side, 0)
                still.append(-(row @ v))
                moving.append(row @ u)
        self._still, self._moving = sparse.vstack(still, format="csr"), sparse.vstack(moving, format="csr")
        self.constant = all(b.residual.constant_coefficients for b in self._blocks)
        self.size_of_state = pieces.size * line.time_order
        self._cache: tuple[sparse.csc_matrix, sparse.csc_matrix] | None = None

    def _lift(self, block: int) -> sparse.csr_matrix:  # (size, n): picks u or v out of the state
        eye, nothing = sparse.eye(self.pieces.size, format="csr"), sparse.csr_matrix((self.pieces.size, self.pieces.size))
        if self.line.time_order == 1:
            return eye
        return sparse.hstack([eye, nothing] if block == 0 else [nothing, eye], format="csr")

    def _maps(
        self, matrix: Callable[[int], sparse.csr_matrix], orders: range
    ) -> dict[tuple[int, int], tuple[str, sparse.csr_matrix]]:
        """Where each jet (order in x, order in t) comes from: the state or its rate, through which matrix."""
        found: dict[tuple[int, int], tuple[str, sparse.csr_matrix]] = {}
        for k in orders:
            m = matrix(k)
            found[k, 0] = ("state", (m @ self._lift(0)).tocsr())
            if self.line.time_order == 1:
                found[k, 1] = ("rate", m)
            else:
                v = (m @ self._lift(1)).tocsr()
                found[k, 1], found[k, 2] = ("state", v), ("rate", v)
        return found

    def _in_time(self, condition: Pointwise) -> Pointwise:
        """The total derivative of an end condition by t, which keeps the system of second order at index 1."""
        line, problem = self.line, self.line.problem
        name, t = problem.fields[0].name, symbol(problem.coordinates[line.time])
        expression = sp.diff(condition.expression, t)
        jets: dict[sp.Symbol, tuple[str, MultiIndex]] = {}
        for index, s in condition.symbols.items():
            later = tuple(q + (axis == line.time) for axis, q in enumerate(index))
            dot = jet_symbol(name, later, problem.coordinates)
            jets |= {s: (name, index), dot: (name, later)}
            expression += sp.diff(condition.expression, s) * dot
        return Pointwise(problem, Residual(expression, jets, "time derivative of a condition"))

    def residual(self, t: np.ndarray, y: np.ndarray, rate: np.ndarray) -> np.ndarray:  # (s,), (s, n), (s, n) -> (s, n)
        """F(t, y, y')."""
        if self.deadline():
            raise OutOfTime("the method of lines took longer than reference.seconds")
        linear = (self._still @ y.T + self._moving @ rate.T).T
        with np.errstate(
            all="ignore"
        ):  # a trial state may leave the domain of log or sqrt; the stepper then takes a smaller step
            return np.hstack([*(b.value(t, y, rate) for b in self._blocks), linear])

    def jacobians(self, t: float, y: np.ndarray, rate: np.ndarray) -> tuple[sparse.csc_matrix, sparse.csc_matrix]:
        """dF/dy, dF/dy'."""
        if self._cache is not None:
            return self._cache
        parts = [b.slopes(t, y, rate) for b in self._blocks]
        by_y = sparse.vstack([*(p[0] for p in parts), self._still], format="csc")
        by_rate = sparse.vstack([*(p[1] for p in parts), self._moving], format="csc")
        if self.constant:
            self._cache = by_y, by_rate
        return by_y, by_rate

    def consistent(self, t: float, y: np.ndarray) -> np.ndarray:  # (n,) -> (n,)
        """The state nearest to y that satisfies the algebraic rows; the rows with y' keep what they hold of y."""
        start, rate = y.copy(), np.zeros_like(y)
        for _ in range(12):
            by_y, by_rate = self.jacobians(t, y, rate)
            differential = np.asarray(abs(by_rate).sum(axis=1)).ravel() > 0
            keep, drop = sparse.diags(differential.astype(float)), sparse.diags((~differential).astype(float))
            value = np.where(differential, by_rate @ (y - start), self.residual(np.array([t]), y[None], rate[None])[0])
            step = splu(sparse.csc_matrix(keep @ by_rate + drop @ by_y)).solve(value)
            y = y - step
            if np.abs(step).max() <= 1e-14 * max(np.abs(y).max(), 1e-300):
                break
        return y

    def rate(self, t: float, y: np.ndarray) -> np.ndarray:  # (n,) -> (n,)
        """y' from the rows with y', and from the algebraic rows differentiated by t (by a finite difference)."""
        rate, delta = np.zeros_like(y), 1e-6 * float(self.line.span[1] - self.line.span[0])
        for _ in range(30):
            by_y, by_rate = self.jacobians(t, y, rate)
            differential = np.asarray(abs(by_rate).sum(axis=1)).ravel() > 0
            now, later = self.residual(np.array([t, t + delta]), np.stack([y, y]), np.stack([rate, rate]))
            value = np.where(differential, now, by_y @ rate + (later - now) / delta)
            keep, drop = sparse.diags(differential.astype(float)), sparse.diags((~differential).astype(float))
            step = splu(sparse.csc_matrix(keep @ by_rate + drop @ by_y)).solve(value)
            rate = rate - step
            if np.abs(step).max() <= 1e-6 * np.abs(rate).max():
                break
        return rate if np.isfinite(rate).all() else np.zeros_like(y)
