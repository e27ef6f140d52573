"""A problem in one space coordinate and time as an implicit system F(t, y, y') = 0 on piecewise polynomials.

The state y is the Chebyshev coefficients of every field u, each followed by those of v = u_t where the field is of second
order in time. Per interval the equation of a field is collocated at (degree + 1 - q) Gauss points, q the field's order in
space; u, ..., the derivative of order q - 1 are continuous; the conditions at the two ends are the q rows that are left.
Continuity and conditions without u_t are algebraic: they hold exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import sympy as sp
from scipy import sparse
from scipy.sparse.linalg import splu

from kanpde.problem.types import Residual, jet_symbol, symbol
from kanpde.reference.line_problem import LineProblem
from kanpde.reference.pieces import Pieces
from kanpde.reference.pointwise import Key, Pointwise
from kanpde.reference.types import OutOfTime

Maps = dict[tuple[str, int, int], tuple[str, sparse.csr_matrix]]
"""Where each jet (field, order in x, order in t) comes from: the state or its rate, through which matrix."""


class _Block:
    """Rows that collocate one residual at some places: jets by matrices from y and y', Jacobians back by the same."""

    def __init__(self, residual: Pointwise, x: np.ndarray | float, line: LineProblem, maps: Maps) -> None:
        self.residual, self.x, self.line = residual, x, line
        self.maps = {(name, index): maps[name, index[line.space], index[line.time]] for name, index in residual.keys}
        self.rows = np.size(x)

    def jets(self, y: np.ndarray, rate: np.ndarray) -> dict[Key, np.ndarray]:  # (s, n), (s, n) -> (s, rows)
        return {key: (m @ (rate if of == "rate" else y).T).T for key, (of, m) in self.maps.items()}

    def value(self, t: np.ndarray, y: np.ndarray, rate: np.ndarray) -> np.ndarray:  # (s, rows)
        times = np.asarray(t)[:, None]
        value, _ = self.residual(self.line.at(np.atleast_1d(self.x)[None, :], times), self.jets(y, rate))
        return np.broadcast_to(value, (len(times), self.rows))

    def slopes(self, t: float, y: np.ndarray, rate: np.ndarray) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        n = y.shape[-1]
        total = {"state": sparse.csr_matrix((self.rows, n)), "rate": sparse.csr_matrix((self.rows, n))}
        _, by = self.residual(self.line.at(np.atleast_1d(self.x)[None, :], np.array([[t]])), self.jets(y[None], rate[None]))
        for key, (of, m) in self.maps.items():
            weights = np.broadcast_to(by[key], (1, self.rows))[0]
            total[of] = total[of] + sparse.diags(weights) @ m
        return total["state"], total["rate"]


class LineSystem:
    """The implicit system on given pieces (an ``ImplicitSystem`` of radau.py)."""

    def __init__(self, line: LineProblem, pieces: Pieces, deadline: Callable[[], bool] = lambda: False) -> None:
        self.line, self.pieces, self.deadline = line, pieces, deadline
        self.size_of_state = pieces.size * line.blocks
        orders = range(max(line.order, *(f.order for f in line.fields)) + 1)
        self._blocks: list[_Block] = []
        self._still: list[sparse.csr_matrix] = []  # rows that are linear with constant coefficients: still y + moving y'
        self._moving: list[sparse.csr_matrix] = []
        for f, equation, block in zip(line.fields, line.equations, line.first_blocks, strict=True):
            points = pieces.degree + 1 - f.order
            maps = self._maps(partial(pieces.at_gauss, points, more=f.more, first=f.forward), orders)
            self._blocks.append(_Block(equation, pieces.gauss(points, f.more, f.forward), line, maps))
            second = f.time_order == 2
            if f.order and (line.periodic or pieces.count > 1):
                joints = pieces.continuity(f.order, line.periodic)
                for b in (block, block + 1)[: 1 + second]:
                    self._linear(self._at(joints, b), None)
            if second:
                p = pieces.at_gauss(points, 0)
                self._linear(-self._at(p, block + 1), self._at(p, block))
        for side, condition, owner in line.ends:
            self._end(side, condition, owner, orders)
        self._linear(sparse.csr_matrix((0, self.size_of_state)), None)
        self._still_rows = sparse.vstack(self._still, format="csr")
        self._moving_rows = sparse.vstack(self._moving, format="csr")
        self.constant = all(b.residual.constant_coefficients for b in self._blocks)
        self._cache: tuple[sparse.csc_matrix, sparse.csc_matrix] | None = None

    def _end(self, side: int, condition: Pointwise, owner: int, orders: range) -> None:
        """The rows of one condition at an end: itself, and one more for u_t if its field is of second order in time."""
        x, f, block = float(self.line.interval[(side + 1) // 2]), self.line.fields[owner], self.line.first_blocks[owner]
        maps = self._maps(partial(self.pieces.at_end, side), orders)
        self._blocks.append(_Block(condition, x, self.line, maps))
        if f.time_order < 2:
            return
        if condition.order(self.line.time, f.name) == 0:
            self._blocks.append(_Block(self._in_time(condition), x, self.line, maps))
        else:
            row = self.pieces.at_end(side, 0)
            self._linear(-self._at(row, block + 1), self._at(row, block))

    def _linear(self, still: sparse.csr_matrix, moving: sparse.csr_matrix | None) -> None:
        self._still.append(still)
        self._moving.append(sparse.csr_matrix(still.shape) if moving is None else moving)

    def _at(self, matrix: sparse.csr_matrix, block: int) -> sparse.csr_matrix:  # (m, size) -> (m, n)
        """The matrix applied to one block of the state."""
        m, size = matrix.shape
        parts = [matrix if b == block else sparse.csr_matrix((m, size)) for b in range(self.line.blocks)]
        return sparse.hstack(parts, format="csr")

    def _maps(self, matrix: Callable[[int], sparse.csr_matrix], orders: range) -> Maps:
        found: Maps = {}
        for f, block in zip(self.line.fields, self.line.first_blocks, strict=True):
            for k in orders:
                m = matrix(k)
                found[f.name, k, 0] = ("state", self._at(m, block))
                if f.time_order == 1:
                    found[f.name, k, 1] = ("rate", found[f.name, k, 0][1])
                elif f.time_order == 2:
                    v = self._at(m, block + 1)
                    found[f.name, k, 1], found[f.name, k, 2] = ("state", v), ("rate", v)
        return found

    def _in_time(self, condition: Pointwise) -> Pointwise:
        """The total derivative of an end condition by t, which keeps the system of second order at index 1."""
        line, problem = self.line, self.line.problem
        expression = sp.diff(condition.expression, symbol(problem.coordinates[line.time]))
        jets: dict[sp.Symbol, Key] = {}
        for (name, index), s in condition.symbols.items():
            later = tuple(q + (axis == line.time) for axis, q in enumerate(index))
            dot = jet_symbol(name, later, problem.coordinates)
            jets |= {s: (name, index), dot: (name, later)}
            expression += sp.diff(condition.expression, s) * dot
        return Pointwise(problem, Residual(expression, jets, "time derivative of a condition"))

    def residual(self, t: np.ndarray, y: np.ndarray, rate: np.ndarray) -> np.ndarray:  # (s,), (s, n), (s, n) -> (s, n)
        """F(t, y, y')."""
        if self.deadline():
            raise OutOfTime("the method of lines took longer than reference.seconds")
        linear = (self._still_rows @ y.T + self._moving_rows @ rate.T).T
        with np.errstate(
            all="ignore"
        ):  # a trial state may leave the domain of log or sqrt; the stepper then takes a smaller step
            return np.hstack([*(b.value(t, y, rate) for b in self._blocks), linear])

    def jacobians(self, t: float, y: np.ndarray, rate: np.ndarray) -> tuple[sparse.csc_matrix, sparse.csc_matrix]:
        """dF/dy, dF/dy'."""
        if self._cache is not None:
            return self._cache
        parts = [b.slopes(t, y, rate) for b in self._blocks]
        by_y = sparse.vstack([*(p[0] for p in parts), self._still_rows], format="csc")
        by_rate = sparse.vstack([*(p[1] for p in parts), self._moving_rows], format="csc")
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
