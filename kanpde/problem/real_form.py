"""Complex fields as two real ones: psi = psi_re + i psi_im, and every equation as its real and its imaginary part.

All functions of the language are taken apart by hand, node by node, with the real symbols of the parts put in: abs, conj, re, im
and i are gone afterwards, and what remains is a system of real fields like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import sympy as sp

from kanpde.errors import UnsupportedProblem
from kanpde.problem.functions import INTEGRAL, POINT_VALUE
from kanpde.problem.limits import MAX_ORDER
from kanpde.problem.types import (
    Condition,
    Divergence,
    Field,
    Integral,
    MultiIndex,
    Problem,
    Residual,
    jet_symbol,
    jets_of,
    normal_symbol,
)

Pair = tuple[sp.Expr, sp.Expr]
"""Real and imaginary part."""

MAX_POWER = 12
"""Highest power of a complex expression that is multiplied out; each has as many terms as its exponent."""

_ZERO = sp.Integer(0)


def real_form(problem: Problem) -> Problem:
    """The same problem with real fields only; a problem without complex fields is returned as it is.

    ``parts`` of the result tells which two fields a complex one has become. Raises UnsupportedProblem for a function whose real
    part has no formula here, such as erf(psi).
    """
    complex_fields = [f for f in problem.fields if f.complex]
    if not complex_fields:
        return problem
    taken = {f.name for f in problem.fields} | {s.name for s in problem.constants} | {*problem.parameters, *problem.unknowns}
    names = {f.name: _names(f.name, taken) for f in complex_fields}
    splitter = _Splitter(names, problem.coordinates)
    fields: list[Field] = []
    for f in problem.fields:
        fields += [replace(f, name=name, complex=False) for name in names[f.name]] if f.complex else [f]
    exact: dict[str, sp.Expr] | None = None
    if problem.exact is not None:
        exact = {}
        for name, formula in problem.exact.items():
            re, im = splitter.split(formula)
            exact |= dict(zip(names[name], (re, im), strict=True)) if name in names else {name: re}
    return replace(
        problem,
        fields=tuple(fields),
        equations=tuple(part for r in problem.equations for part in splitter.residuals(r)),
        conditions=tuple(splitter.condition(c) for c in problem.conditions),
        exact=exact,
        parts=names,
    )


def _names(name: str, taken: set[str]) -> tuple[str, str]:
    """Names of the two parts that nothing else has."""
    number = ""
    while {f"{name}_re{number}", f"{name}_im{number}"} & taken:
        number = str(int(number or 1) + 1)
    return f"{name}_re{number}", f"{name}_im{number}"


class _Splitter:
    """Takes expressions apart into real and imaginary part; each distinct part of an expression once."""

    def __init__(self, names: Mapping[str, tuple[str, str]], coordinates: tuple[str, ...]) -> None:
        self.names = names
        self.coordinates = coordinates
        self._known: dict[sp.Basic, Pair] = {}
        for name, pair in names.items():
            for order in range(1, MAX_ORDER + 1):
                re, im = (normal_symbol(part, order) for part in pair)
                self._known[normal_symbol(name, order)] = re, im

    def condition(self, c: Condition) -> Condition:
        """The condition with two residuals in place of one, unless one of them says nothing."""
        integrals = tuple(part for i in c.integrals for part in self._integrals(i))
        return replace(c, residuals=tuple(part for r in c.residuals for part in self.residuals(r)), integrals=integrals)

    def _integrals(self, i: Integral) -> Iterator[Integral]:
        for part, value in zip(self._parts(i.integrand), self.split(i.value), strict=True):
            if part.expression != 0:
                yield Integral(part, value)

    def residuals(self, r: Residual) -> Iterator[Residual]:
        """Real and imaginary part of a residual; a real equation stays one equation."""
        parts = self._parts(r)
        several = all(part.expression != 0 for part in parts)
        for part, word in zip(parts, ("real part", "imaginary part"), strict=True):
            if part.expression != 0:
                yield replace(part, text=f"{r.text} ({word})") if several else part

    def _parts(self, r: Residual) -> tuple[Residual, Residual]:
        """Real and imaginary part, one of which may be zero."""
        jets: dict[sp.Symbol, tuple[str, MultiIndex]] = {}
        for s, (name, index) in r.jets.items():
            if name not in self.names:
                jets[s] = (name, index)
                continue
            re, im = (jet_symbol(part, index, self.coordinates) for part in self.names[name])
            self._known[s] = re, im
            jets |= {re: (self.names[name][0], index), im: (self.names[name][1], index)}
        found = []
        for part, fluxes in zip(map(sp.expand, self.split(r.expression)), self._fluxes(r), strict=True):
            used = {s: key for s, key in jets.items() if s in part.free_symbols}
            found.append(Residual(part, used, r.text, r.span, r.name, fluxes))
        return found[0], found[1]

    def _fluxes(self, r: Residual) -> tuple[tuple[Divergence, ...], tuple[Divergence, ...]]:
        """Real and imaginary part of (a + ib) div(F + iG): a div F - b div G, and a div G + b div F."""
        re: list[Divergence] = []
        im: list[Divergence] = []
        for term in r.fluxes:
            for s, (name, index) in jets_of(sp.Tuple(*term.flux), self.names, self.coordinates).items():
                one, other = (jet_symbol(part, index, self.coordinates) for part in self.names[name])
                self._known[s] = one, other  # a flux has derivatives of lower order, which the equation itself may lack
            a, b = self.split(term.factor)
            pairs = [self.split(e) for e in term.flux]
            f, g = tuple(p for p, _ in pairs), tuple(q for _, q in pairs)
            re += [Divergence(s, v) for s, v in ((a, f), (-b, g)) if s != 0 and (not v or any(v))]
            im += [Divergence(s, v) for s, v in ((a, g), (b, f)) if s != 0 and (not v or any(v))]
        return tuple(re), tuple(im)

    def split(self, e: sp.Expr) -> Pair:
        """Real and imaginary part."""
        if e not in self._known:
            self._known[e] = self._split(e)
        return self._known[e]

    def _split(self, e: sp.Expr) -> Pair:
        if isinstance(e, sp.Symbol):
            return e, _ZERO
        if not e.free_symbols and not e.has(INTEGRAL, POINT_VALUE):
            re, im = e.as_real_imag()
            return re, im
        if isinstance(e, sp.Add):
            pairs = [self.split(a) for a in e.args]
            return sp.Add(*(a for a, _ in pairs)), sp.Add(*(b for _, b in pairs))
        if isinstance(e, sp.Mul):
            product: Pair = (sp.Integer(1), _ZERO)
            for factor in e.args:
                product = _times(product, self.split(factor))
            return product
        if isinstance(e, sp.Pow):
            return self._power(e)
        if isinstance(e, sp.Piecewise):
            cases = [(self.split(value), self._truth(condition)) for value, condition in e.args]
            re, im = (sp.Piecewise(*((pair[k], condition) for pair, condition in cases)) for k in (0, 1))
            return re, im
        if isinstance(e, POINT_VALUE):
            re, im = self.split(e.args[0])
            return POINT_VALUE(re, *e.args[1:]), POINT_VALUE(im, *e.args[1:]) if im != 0 else _ZERO
        return self._function(e, [self.split(a) for a in e.args])

    def _truth(self, condition: sp.Basic) -> sp.Basic:
        """A comparison, or several joined: only real numbers can be compared."""
        if isinstance(condition, sp.core.relational.Relational):
            pairs = [self.split(a) for a in condition.args]
            if any(b != 0 for _, b in pairs):
                raise UnsupportedProblem(f"the comparison '{condition}' of complex values is not solved yet")
            return condition.func(*(a for a, _ in pairs))
        if isinstance(condition, sp.And | sp.Or | sp.Not):
            return condition.func(*map(self._truth, condition.args))
        return condition

    def _power(self, e: sp.Pow) -> Pair:
        (a, b), (n, imaginary) = (self.split(part) for part in e.args)
        if b == 0 and imaginary == 0:
            return a**n, _ZERO
        if not n.is_Integer or imaginary != 0 or abs(int(n)) > MAX_POWER:
            raise UnsupportedProblem(f"the power '{e}' of a complex value is not solved yet")
        power: Pair = (sp.Integer(1), _ZERO)
        for _ in range(abs(int(n))):
            power = tuple(map(sp.expand, _times(power, (a, b))))  # type: ignore[assignment]
        size = (a**2 + b**2) ** abs(int(n))
        return power if n > 0 else (power[0] / size, -power[1] / size)

    def _function(self, e: sp.Expr, parts: list[Pair]) -> Pair:
        a, b = parts[0]
        if isinstance(e, sp.conjugate):
            return a, -b
        if isinstance(e, sp.re):
            return a, _ZERO
        if isinstance(e, sp.im):
            return b, _ZERO
        if isinstance(e, INTEGRAL):
            return INTEGRAL(a), INTEGRAL(b) if b != 0 else _ZERO
        if all(imaginary == 0 for _, imaginary in parts):
            return e.func(*(real for real, _ in parts)), _ZERO
        if isinstance(e, sp.Abs):
            return sp.sqrt(a**2 + b**2), _ZERO
        if isinstance(e, sp.exp):
            return sp.exp(a) * sp.cos(b), sp.exp(a) * sp.sin(b)
        if isinstance(e, sp.sin):
            return sp.sin(a) * sp.cosh(b), sp.cos(a) * sp.sinh(b)
        if isinstance(e, sp.cos):
            return sp.cos(a) * sp.cosh(b), -sp.sin(a) * sp.sinh(b)
        if isinstance(e, sp.sinh):
            return sp.sinh(a) * sp.cos(b), sp.cosh(a) * sp.sin(b)
        if isinstance(e, sp.cosh):
            return sp.cosh(a) * sp.cos(b), sp.sinh(a) * sp.sin(b)
        raise UnsupportedProblem(f"the function '{type(e).__name__}' of a complex value is not solved yet")


def _times(one: Pair, other: Pair) -> Pair:
    (a, b), (c, d) = one, other
    return a * c - b * d, a * d + b * c
