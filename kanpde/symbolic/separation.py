"""Linear problems on a rectangle by separation of variables: the solution as a Fourier series, written for the general mode.

Along one coordinate the conditions make sines or cosines; what a mode is multiplied by solves an ordinary equation with constant
coefficients, exactly, and the Fourier coefficients of the data start it. A steady or linear part takes up data on the ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from kanpde.geometry import Face
from kanpde.problem.types import MultiIndex, Problem, Residual, symbol
from kanpde.symbolic.exact_shapes import exact_domain
from kanpde.symbolic.fourier import Ends, Modes, coefficient, mean, of_parity, sine_or_cosine, tidy, wave_of

ALWAYS = 40
"""Modes for which the kind of the ordinary equation (waves or exponentials) must be the same."""


@dataclass(frozen=True)
class Law:
    """A linear equation or condition: the sum of coefficient times derivative equals ``data``; ``text`` as it was written."""

    terms: Mapping[MultiIndex, sp.Expr]
    data: sp.Expr
    text: str = ""

    def operate(self, e: sp.Expr, symbols: tuple[sp.Symbol, ...]) -> sp.Expr:
        """The left side for a function."""
        return sp.Add(*(c * _derivative(e, index, symbols) for index, c in self.terms.items()))


def _derivative(e: sp.Expr, index: MultiIndex, symbols: tuple[sp.Symbol, ...]) -> sp.Expr:
    for s, times in zip(symbols, index, strict=True):
        e = sp.diff(e, s, times) if times else e
    return e


def law_of(residual: Residual) -> Law | None:
    """A residual as a law; None unless it is linear with coefficients that are no functions."""
    if not residual.linear:
        return None
    partials = residual.partials
    rest = residual.expression.xreplace({s: sp.Integer(0) for s in residual.jets})
    return Law({index: slope for (_, index), slope in partials.items() if slope != 0}, -rest, residual.text)


@dataclass(frozen=True)
class Plane:
    """A linear problem for one field on a rectangle: its equation, and the conditions on every face that has some."""

    problem: Problem
    equation: Law
    conditions: Mapping[Face, tuple[Law, ...]]
    ends: Mapping[str, tuple[sp.Expr, sp.Expr]]

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The two coordinates."""
        return tuple(symbol(name) for name in self.problem.coordinates)

    def limits(self, axis: int) -> tuple[sp.Expr, sp.Expr]:
        """The ends of a coordinate, exactly, with the letters of the file."""
        return self.ends[self.problem.coordinates[axis]]

    def on(self, axis: int, side: int) -> tuple[Law, ...]:
        """The conditions at one end of a coordinate."""
        return self.conditions.get(Face(axis, side), ())

    def without(self, source: bool = False, axes: tuple[int, ...] = ()) -> Plane:
        """The same problem with the source and the data on the ends of some coordinates replaced by zero."""
        conditions = {
            face: tuple(replace(law, data=sp.Integer(0)) if face.axis in axes else law for law in laws)
            for face, laws in self.conditions.items()
        }
        return replace(
            self, equation=replace(self.equation, data=sp.Integer(0)) if source else self.equation, conditions=conditions
        )


def plane(problem: Problem) -> Plane | None:
    """The problem if separation of variables applies to problems of its kind."""
    domain = problem.domain
    if len(problem.fields) != 1 or len(problem.equations) != 1 or domain.dimension != 2 or domain.shape is not None:
        return None
    if problem.parameters or problem.unknowns or problem.data is not None or any(f.complex for f in problem.fields):
        return None
    equation = law_of(problem.equations[0])
    coordinates = {symbol(name) for name in problem.coordinates}
    if equation is None:
        return None
    ends = exact_domain(problem).limits
    conditions: dict[Face, tuple[Law, ...]] = {}
    for condition in problem.conditions:
        if condition.kind == "constraint" or condition.place.predicate is not None:
            return None
        for face in condition.place.faces:
            where = {symbol(problem.coordinates[face.axis]): ends[problem.coordinates[face.axis]][(face.side + 1) // 2]}
            for residual in condition.residuals:
                law = law_of(residual.on_face(face, problem.coordinates))
                if law is None:
                    return None
                conditions[face] = (*conditions.get(face, ()), replace(law, data=law.data.subs(where)))
    slopes = [c for law in (equation, *(law for laws in conditions.values() for law in laws)) for c in law.terms.values()]
    return None if any(c.free_symbols & coordinates for c in slopes) else Plane(problem, equation, conditions, ends)


def separated(problem: Problem) -> Iterator[sp.Expr]:
    """Series for the solution, with the problem's letters; none where the problem cannot be separated."""
    whole = plane(problem)
    if whole is None:
        return
    found = [along(whole, axis) for axis in (0, 1)]
    if problem.domain.time is None:  # data on all sides: one series for each pair of them
        parts = [along(whole.without(axes=(0,)), 0), along(whole.without(source=True, axes=(1,)), 1)]
        found += [None if None in parts else sp.Add(*parts)]
    series = [e for e in dict.fromkeys(found) if e is not None and e.has(sp.Sum)]
    yield from sorted(series, key=lambda e: e.count_ops())


def along(whole: Plane, axis: int) -> sp.Expr | None:
    """The solution as a series in sines or cosines of one coordinate; None if its conditions or the data do not allow it."""
    if axis == whole.problem.domain.time_axis or any(index[axis] % 2 for index in whole.equation.terms):
        return None
    periodic = whole.problem.coordinates[axis] in whole.problem.domain.periodic
    lower, upper = whole.limits(axis)
    n = index_symbol(whole.problem)
    if periodic:
        wave = 2 * n * sp.pi / (upper - lower)
        families = [Modes(kind, wave, lower, upper, n, sp.Integer(0)) for kind in ("cos", "sin")]
        lift: sp.Expr | None = sp.Integer(0)
    else:
        ends = _ends(whole, axis)
        if ends is None:
            return None
        families = [sine_or_cosine(ends, lower, upper, n)]
        lift = _lift(whole, axis, ends)
    if lift is None:
        return None
    rest = _shifted(whole, axis, lift)
    total = lift
    if periodic or ends == "NN":
        constant = _mode(rest, axis, None)
        if constant is None:
            return None
        total += constant
    for modes in families:
        term = _mode(rest, axis, modes)
        if term is None:
            return None
        total += sp.Sum(term, (n, 1, sp.oo)) if term != 0 else 0
    return total


def index_symbol(problem: Problem) -> sp.Symbol:
    """A name for the number of a mode that the problem does not use."""
    taken = {*problem.coordinates, *(s.name for s in problem.constants), *(f.name for f in problem.fields)}
    name = next(c for c in ("n", "k", "m", "j", "n_1") if c not in taken)
    return sp.Symbol(name, integer=True, positive=True)


def _ends(whole: Plane, axis: int) -> Ends | None:
    """Whether values or derivatives are given at the two ends: all conditions even, or all odd in the derivatives."""
    found = ""
    order = max(index[axis] for index in whole.equation.terms)
    for side in (-1, 1):
        laws = whole.on(axis, side)
        orders = [index for law in laws for index in law.terms]
        if len(laws) != order // 2 or any(index[1 - axis] for index in orders):
            return None
        parities = {index[axis] % 2 for index in orders}
        if len(parities) != 1 or (order > 2 and any(law.data != 0 for law in laws)):
            return None
        found += "N" if parities.pop() else "D"
    return found  # type: ignore[return-value]


def _lift(whole: Plane, axis: int, ends: Ends) -> sp.Expr | None:
    """A function with the data at both ends: the steady solution where that is a polynomial, else linear (or quadratic)."""
    x = whole.symbols[axis]
    lower, upper = whole.limits(axis)
    data = []
    for side in (-1, 1):
        law = whole.on(axis, side)[0]
        (slope,) = law.terms.values() if len(law.terms) == 1 else (None,)
        if slope is None and law.data != 0:
            return None
        data.append(sp.Integer(0) if law.data == 0 else law.data / slope)
    if all(law.data == 0 for side in (-1, 1) for law in whole.on(axis, side)) and whole.equation.data == 0:
        return sp.Integer(0)
    steady = {index: c for index, c in whole.equation.terms.items() if index[1 - axis] == 0}
    second = tuple(2 if k == axis else 0 for k in (0, 1))
    source = whole.equation.data
    free = sp.Integer(0)
    if set(steady) == {second} and source.is_polynomial(x) and not source.has(whole.symbols[1 - axis]) and ends != "NN":
        free = sp.Poly(source / steady[second], x).integrate((x, 2)).as_expr()
    needed = []
    for e, end, value in zip(ends, (lower, upper), data, strict=True):
        own = free if e == "D" else sp.diff(free, x)
        needed.append(value - own.subs(x, end))
    length = upper - lower
    first, last = needed
    lines = {
        "DD": first + (last - first) * (x - lower) / length,
        "DN": first + last * (x - lower),
        "ND": last + first * (x - upper),
        "NN": first * (x - lower) + (last - first) * (x - lower) ** 2 / (2 * length),
    }
    return sp.factor(sp.expand(free + lines[ends]))


def _shifted(whole: Plane, axis: int, lift: sp.Expr) -> Plane:
    """The problem for the solution less the lift."""
    symbols = whole.symbols
    conditions = {}
    for face, laws in whole.conditions.items():
        where = {symbols[face.axis]: whole.limits(face.axis)[(face.side + 1) // 2]}
        conditions[face] = tuple(replace(law, data=sp.expand(law.data - law.operate(lift, symbols).subs(where))) for law in laws)
    equation = replace(whole.equation, data=sp.expand(whole.equation.data - whole.equation.operate(lift, symbols)))
    return replace(whole, equation=equation, conditions=conditions)


def _mode(rest: Plane, axis: int, modes: Modes | None) -> sp.Expr | None:
    """The general term of the series, or the constant mode (``modes`` None), zero if the data have no part in it."""
    x = rest.symbols[axis]
    lower, upper = rest.limits(axis)
    values = rest.problem.constants

    def part(data: sp.Expr) -> sp.Expr | None:
        return mean(data, x, lower, upper, values) if modes is None else coefficient(data, x, modes, values)

    wave = sp.Integer(0) if modes is None else modes.wave
    source = part(rest.equation.data)
    started: dict[int, list[tuple[Law, sp.Expr]]] = {}
    for side in (-1, 1):
        for law in rest.on(1 - axis, side):
            if any(index[axis] for index in law.terms):
                return None
            own = part(law.data)
            if own is None:
                return None
            started.setdefault(side, []).append((law, own))
    if source is None:
        return None
    if source == 0 and all(own == 0 for pairs in started.values() for _, own in pairs):
        return sp.Integer(0)
    index: sp.Expr | None = None
    amounts = [source, *(own for pairs in started.values() for _, own in pairs)]
    if modes is not None and not (2 * modes.wave / modes.n).has(modes.n):  # all n, so that half of them may be missing
        for odd in (True, False):
            if all(of_parity(e, modes.n, not odd) == 0 for e in amounts):
                index = 2 * modes.n - 1 if odd else 2 * modes.n
                amounts = [of_parity(e, modes.n, odd) for e in amounts]
                wave = wave.subs(modes.n, index)
                break
    kappa = sp.Integer(0) if modes is None else sp.Dummy("kappa", positive=True)  # short until the end
    polynomial: dict[int, sp.Expr] = {}
    for key, c in rest.equation.terms.items():
        polynomial[key[1 - axis]] = polynomial.get(key[1 - axis], sp.Integer(0)) + c * sp.I ** key[axis] * kappa ** key[axis]
    numbers = iter(amounts[1:])
    again = {side: [(law, next(numbers)) for law, _ in pairs] for side, pairs in started.items()}
    waves = [] if modes is None else [float(sp.N(rest.problem.with_values(wave.subs(modes.n, k)))) for k in range(1, ALWAYS)]
    found = _Factor(rest, 1 - axis, kappa, waves).of(polynomial, amounts[0], again)
    if found is None:
        return None
    found = found.subs(kappa, wave)
    mode = sp.Integer(1) if modes is None else (modes if index is None else modes.at_index(index)).at(x)
    return found * mode


@dataclass(frozen=True)
class _Factor:
    """What a mode is multiplied by: the solution of p(d/dy) c = source with the conditions at the ends of y.

    ``kappa`` stands for the wave number of the mode, of which ``waves`` are the first values (none for the constant).
    """

    rest: Plane
    axis: int
    kappa: sp.Expr
    waves: Sequence[float]

    def of(
        self, polynomial: Mapping[int, sp.Expr], source: sp.Expr, started: Mapping[int, list[tuple[Law, sp.Expr]]]
    ) -> sp.Expr | None:
        """The factor, from the coefficients of p and the part that the mode has in the source and in every condition."""
        order = max(polynomial)
        p = [tidy(polynomial.get(k, sp.Integer(0))) for k in range(3)]
        if order not in (1, 2) or p[order] == 0 or sum(map(len, started.values())) != order:
            return None
        lower, upper = self.rest.limits(self.axis)
        y = self.rest.symbols[self.axis]
        special = self._special(p, source)
        if special is None:
            return None
        square = tidy(p[1] ** 2 / (4 * p[2] ** 2) - p[0] / p[2]) if order == 2 else sp.Integer(0)
        sign = self._sign(square)
        if sign is None:
            return None
        rho = sp.Dummy("rho", positive=True)  # the rate or the frequency, short until the end
        basis = self._basis(p, order, sign, rho, started)
        unknown = [sp.Dummy() for _ in basis]
        trial = special + sp.Add(*(u * b for u, b in zip(unknown, basis, strict=True)))
        equations = []
        for side, pairs in started.items():
            end = (lower, upper)[(side + 1) // 2]
            for law, own in pairs:
                orders = ((c, key[self.axis]) for key, c in law.terms.items())
                left = sp.Add(*(c * (sp.diff(trial, y, k) if k else trial) for c, k in orders))
                equations.append(left.subs(y, end) - own)
        matrix, right = sp.linear_eq_to_matrix(equations, unknown)
        if matrix.det() == 0:
            return None
        amounts = [tidy(a) for a in matrix.adjugate() * right / matrix.det()]
        root = sp.powdenest(sp.sqrt(tidy(sign * square)), force=True)
        return sp.factor_terms((special + self._joined(amounts, basis)).subs(rho, root))

    def _special(self, p: Sequence[sp.Expr], source: sp.Expr) -> sp.Expr | None:
        """One solution of p(d/dy) c = source, for products of powers, exponentials and waves; None if a mode resonates."""
        y, lower = self.rest.symbols[self.axis], self.rest.limits(self.axis)[0]
        total = sp.Integer(0)
        for term in sp.Add.make_args(sp.expand(source)) if source.has(y) else [source] if source != 0 else []:
            amount, rest = term.as_independent(y)
            found = wave_of(rest, y)
            if found is None:
                return None
            power, rate, shift, turn = found
            frequency = turn[1] if turn else sp.Integer(0)
            mu = rate + sp.I * frequency
            values = [
                sp.expand(sum(sp.binomial(k, j) * p[k] * mu ** (k - j) for k in range(j, 3))) for j in range(3)
            ]  # p^(j)(mu)/j!
            if turn is None and power == 0 and rate == 0 and values[0] == 0:
                total += amount / p[1] * (y - lower) if p[1] != 0 else amount / p[2] * (y - lower) ** 2 / 2
                continue
            if values[0] == 0 or (turn and power) or self._vanishes(values[0]):
                return None
            if turn is None:  # p(d/dy) (q e^(rate y)) = e^(rate y) (p + p' d + p''/2 d^2) q, from the highest power down
                left, q = y**power, sp.Integer(0)
                for k in range(power, -1, -1):
                    step = left.coeff(y, k) / values[0] * y**k
                    q += step
                    left = sp.expand(left - sum(v * sp.diff(step, y, j) if j else v * step for j, v in enumerate(values)))
                total += tidy(amount) * sp.exp(rate * y + shift) * q
                continue
            function, b, c = turn
            re, im = values[0].as_real_imag()
            other = sp.sin(b * y + c) if function is sp.cos else -sp.cos(b * y + c)
            wave = (re * function(b * y + c) + im * other) / (re**2 + im**2)
            total += tidy(amount) * sp.exp(rate * y + shift) * wave
        return total if total.has(y) else tidy(total)

    def _vanishes(self, value: sp.Expr) -> bool:
        """Whether an expression in the wave number is zero at one of the first modes."""
        numbers = self.rest.problem.with_values(value)
        return any(abs(complex(numbers.subs(self.kappa, w))) < 1e-9 for w in self.waves or [0.0])

    def _sign(self, square: sp.Expr) -> int | None:
        """The sign of a rate's square, zero if it is zero for every n; None if it changes."""
        if square == 0:
            return 0
        numbers = self.rest.problem.with_values(square)
        signs = {1 if numbers.subs(self.kappa, w) > 0 else -1 for w in self.waves or [0.0]}
        return signs.pop() if len(signs) == 1 else None

    def _basis(
        self, p: list[sp.Expr], order: int, sign: int, rho: sp.Symbol, started: Mapping[int, list[tuple[Law, sp.Expr]]]
    ) -> list[sp.Expr]:
        """The solutions of p(d/dy) c = 0, so chosen that conditions at the ends give short coefficients."""
        y = self.rest.symbols[self.axis]
        lower, upper = self.rest.limits(self.axis)
        tau = y - lower
        if order == 1:
            return [sp.exp(-tidy(p[0] / p[1]) * tau)]
        grown = sp.exp(-tidy(p[1] / (2 * p[2])) * tau)
        if sign == 0:
            return [grown, tau * grown]
        if sign < 0:
            return [grown * sp.cos(rho * tau), grown * sp.sin(rho * tau)]
        if not started.get(1) or grown != 1:
            return [grown * sp.cosh(rho * tau), grown * sp.sinh(rho * tau)]
        at_lower, at_upper = (any(k[self.axis] % 2 for law, _ in started.get(side, ()) for k in law.terms) for side in (-1, 1))
        return [(sp.cosh if at_upper else sp.sinh)(rho * (upper - y)), (sp.cosh if at_lower else sp.sinh)(rho * tau)]

    def _joined(self, amounts: list[sp.Expr], basis: list[sp.Expr]) -> sp.Expr:
        """Sums of amounts times basis; sinh(r(b - y)) + sinh(r(y - a)) is 2 sinh(r(b - a)/2) cosh(r(y - (a + b)/2))."""
        y = self.rest.symbols[self.axis]
        lower, upper = self.rest.limits(self.axis)
        if len(basis) == 2 and all(b.has(sp.sinh) and not b.has(sp.cosh) for b in basis) and tidy(amounts[0] - amounts[1]) == 0:
            rate = sp.diff(basis[1].args[0], y)
            whole = tidy(amounts[0] * sp.sinh(rate * (upper - lower)))
            if not whole.has(sp.sinh):
                return whole * sp.cosh(rate * (y - (lower + upper) / 2)) / sp.cosh(rate * (upper - lower) / 2)
        return sp.Add(*(a * b for a, b in zip(amounts, basis, strict=True)))
