"""What a mode is multiplied by: an ordinary equation with constant coefficients, solved for the general wave number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from kanpde.symbolic.fourier.coefficients import tidy, wave_of
from kanpde.symbolic.fourier.linear_plane import Law, Plane


@dataclass(frozen=True)
class ModeEquation:
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
