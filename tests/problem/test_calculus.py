"""The chain rule over jet symbols against sympy's derivatives of undefined functions, and the identities of vector calculus."""

import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from kanpde.problem.calculus import Calculus, Vector, derivative
from kanpde.problem.scope import Scope
from kanpde.problem.types import Field, symbol

x, y, z, u = map(symbol, "xyzu")
f = sp.Function("f")(x, y, z)


def calculus() -> tuple[Calculus, Scope]:
    scope = Scope(("x", "y", "z"), None, {"u": Field("u", ("x", "y", "z"))})
    scope.jet("u", (0, 0, 0))
    return Calculus((x, y, z), (0, 1, 2), scope.jets, scope.jet), scope


def with_function(e: sp.Expr, scope: Scope) -> sp.Expr:
    """Jets as derivatives of a function."""
    jets = {
        s: sp.diff(f, *[(v, n) for v, n in zip((x, y, z), index, strict=True) if n]) if any(index) else f
        for s, (_, index) in scope.jets.items()
    }
    return e.xreplace(jets)


def vanishes(e: sp.Expr) -> bool:
    """Zero where every symbol, jets included, has its own number."""
    numbers = {s: sp.Rational(3 * i + 2, 7) for i, s in enumerate(sorted(e.free_symbols, key=str))}
    return bool(abs(sp.N(e.xreplace(numbers), 30)) < 1e-20)


fields = st.sampled_from(
    [u, u * x, sp.sin(u) * y, u**2 + x * y, sp.exp(-u * x), 1 / (1 + u**2), x**2 * y, sp.sqrt(1 + u**2), u**x, sp.Abs(u)]
)


@settings(max_examples=40, deadline=None)
@given(fields, st.lists(st.integers(0, 2), min_size=1, max_size=3))
def test_the_chain_rule(e: sp.Expr, axes: list[int]) -> None:
    c, scope = calculus()
    ours, theirs = e, with_function(e, scope)
    for axis in axes:
        if ours.has(sp.sign):
            return
        ours, theirs = c.d(ours, axis), sp.diff(theirs, (x, y, z)[axis])
    point = x**2 * y + sp.Rational(1, 3) * z * x + y * z**3 + 2
    difference = (with_function(ours, scope) - theirs).subs(f, point).doit()
    at = difference.subs({x: sp.Rational(1, 2), y: sp.Rational(2, 3), z: sp.Rational(3, 4)})
    assert abs(sp.N(at, 30)) < 1e-20


@settings(max_examples=20, deadline=None)
@given(fields, fields, fields)
def test_identities_of_vector_calculus(a: sp.Expr, b: sp.Expr, c: sp.Expr) -> None:
    rules, _ = calculus()
    if any(e.has(sp.Abs) for e in (a, b, c)):
        return
    v = Vector((a, b, c))
    curl = rules.curl(rules.grad(a))
    assert isinstance(curl, Vector)
    assert all(vanishes(entry) for entry in curl.entries)
    again = rules.curl(v)
    assert isinstance(again, Vector)
    assert vanishes(rules.div(again))
    assert vanishes(rules.lap(a) - rules.div(rules.grad(a)))


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(
        [sp.sin(x * y), sp.exp(-x) / (1 + y**2), sp.erf(x * y), sp.besselj(2, x + y), sp.atan2(y, x), sp.sech(x * y), x**y]
    )
)
def test_derivatives_of_formulas(e: sp.Expr) -> None:
    for index in ((1, 0, 0), (0, 2, 0), (1, 1, 0), (2, 1, 0)):
        ours = derivative(e, index, (x, y, z))
        theirs = sp.diff(e, x, index[0]) if index[0] else e
        theirs = sp.diff(theirs, y, index[1]) if index[1] else theirs
        at = (ours - theirs).subs({x: sp.Rational(1, 2), y: sp.Rational(2, 3)})
        assert abs(sp.N(at, 30)) < 1e-20


def test_complex_fields() -> None:
    """|psi|^2 of psi = (x + i y^2) e^(i x y) is x^2 + y^4, whichever way it is differentiated."""
    scope = Scope(("x", "y"), None, {"p": Field("p", ("x", "y"), complex=True)})
    p = scope.jet("p", (0, 0))
    c = Calculus((x, y), (0, 1), scope.jets, scope.jet)
    formula = (x + sp.I * y**2) * sp.exp(sp.I * x * y)
    for e, wanted in ((sp.Abs(p) ** 2, 2 * x), (p * sp.conjugate(p), 2 * x), (sp.re(p) ** 2 + sp.im(p) ** 2, 2 * x)):
        slope = c.d(e, 0)
        values = {s: derivative(formula, index, (x, y)) for s, (_, index) in scope.jets.items()}
        number = sp.N(slope.xreplace(values).subs({x: sp.Rational(1, 3), y: sp.Rational(3, 5)}), 30)
        assert abs(number - wanted.subs(x, sp.Rational(1, 3))) < 1e-20
