"""Formulas of scattered data: exact where the values are, within the noise where there is some, and none where there is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp

from kanpde.problem.types import symbol
from kanpde.symbolic.data.formulas import formula_of_data, suggestion_of_data
from kanpde.symbolic.form import Array, compiled

x, y, z, w = map(symbol, "xyzw")
SYMBOLS = (x, y, z, w)
Ranges = list[tuple[float, float]]


def data(truth: sp.Expr, ranges: Ranges, noise: float = 0.0, seed: int = 0, points: int = 1000) -> tuple[Array, Array]:
    source = np.random.default_rng(seed)
    limits = np.array(ranges, dtype=float)
    at = limits[:, 0] + (limits[:, 1] - limits[:, 0]) * source.random((points, len(limits)))
    values = np.asarray(compiled(truth, SYMBOLS[: len(limits)])(*at.T), dtype=float)
    return at, values + noise * values.std() * source.standard_normal(points)


def equal(found: sp.Expr, truth: sp.Expr, ranges: Ranges) -> bool:
    """The two are the same number to 25 digits at points that nobody has seen."""
    at, _ = data(truth, ranges, seed=77, points=5)
    for row in at:
        point = {s: sp.Rational(float(v)) for s, v in zip(SYMBOLS, row, strict=False)}
        if abs(sp.N(found.xreplace(point) - truth.xreplace(point), 40)) > 1e-25:
            return False
    return True


EXACT: list[tuple[sp.Expr, Ranges]] = [
    (sp.exp(sp.sin(sp.pi * x) + y**2), [(-1, 1), (-1, 1)]),
    ((x + y) / (1 + x * y), [(0, 1), (0, 1)]),
    (sp.asin(x * sp.sin(y)), [(0, 0.95), (-1.5, 1.5)]),
    (sp.sin(x * y / 2) ** 2 / sp.sin(y / 2) ** 2, [(0, 4), (0.4, 1.6)]),
    (1 + x + 2 * sp.sqrt(x) * sp.cos(y), [(0.1, 2), (-3, 3)]),
    ((1 - x) / sp.sqrt(1 - y**2), [(-1, 1), (-0.9, 0.9)]),
    (x / ((y - 1) ** 2 + z**2), [(0, 1), (2, 3), (-1, 1)]),
]
LONGER: list[tuple[sp.Expr, Ranges]] = [
    (x / ((y - 1) ** 2 + (z - w) ** 2), [(0, 1), (2, 3), (-1, 1), (-1, 1)]),
    (x * y / (4 * sp.pi * z * w**2), [(1, 5)] * 4),
    (sp.tanh(2 * x) * sp.tanh(3 * y - 1), [(-1, 1), (-1, 1)]),
    (sp.Rational(13, 10) * sp.tanh((7 * x + 19 * y) / 10) + z**2 / 3, [(-1, 1)] * 3),
]
CASES = [pytest.param(*e, id=str(e[0])) for e in EXACT]
CASES += [pytest.param(*e, id=str(e[0]), marks=pytest.mark.slow) for e in LONGER]


@pytest.mark.parametrize(("truth", "ranges"), CASES)
def test_values_without_noise_give_the_exact_formula(truth: sp.Expr, ranges: Ranges) -> None:
    at, values = data(truth, ranges)
    found = formula_of_data(at, values, names=[s.name for s in SYMBOLS[: len(ranges)]], target="u")
    assert found.status == "verified numerically"
    assert equal(found.expressions["u"], truth, ranges)


NOISY: list[tuple[sp.Expr, Ranges]] = [
    (x * sp.exp(-y), [(0, 2), (-1, 1)]),
    (1 / (1 + x * y), [(0, 2), (0, 2)]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("truth", "ranges"), NOISY, ids=[str(e[0]) for e in NOISY])
def test_noise_of_a_hundredth_leaves_the_structure(truth: sp.Expr, ranges: Ranges) -> None:
    at, values = data(truth, ranges, noise=0.01)
    found = formula_of_data(at, values, names=["x", "y"], target="u")
    assert found.status == "verified numerically"
    assert equal(found.expressions["u"], truth, ranges)
    assert any("white noise" in line for line in found.transcript)


@pytest.mark.slow
@pytest.mark.parametrize("speed", [sp.Rational(3, 2), sp.Rational(37, 100)])
def test_a_wave_that_travels(speed: sp.Expr) -> None:
    truth, ranges = sp.sech(2 * (x - speed * y)) ** 2, [(-2.0, 2.0), (0.0, 1.0)]
    found = formula_of_data(*data(truth, ranges), names=["x", "y"], target="u")
    assert equal(found.expressions["u"], truth, ranges)


def test_a_tiny_part_is_not_overlooked() -> None:
    """y sin x agrees with the values to 1e-6: it is not their formula, and (1 + 1e-12) y sin x is not y sin x."""
    at, values = data(y * sp.sin(x), [(-1, 1), (-1, 1)])
    odd = values + 1e-6 * np.exp(np.sin(3 * at[:, 0] * at[:, 1]))
    assert formula_of_data(at, odd, seconds=3).status == "not found"
    close = suggestion_of_data(at, values * (1 + 1e-12))
    assert close is not None
    (number,) = close.numbers
    assert number.value - 1 == pytest.approx(1e-12, rel=1e-2)


def test_noise_alone_has_no_formula() -> None:
    source = np.random.default_rng(3)
    found = formula_of_data(source.uniform(-1, 1, (300, 2)), source.standard_normal(300), seconds=5)
    assert found.status == "not found"
    assert not found.expressions
    assert found.how


def random_waves(seed: int, at: Array) -> Array:  # (N, d) -> (N,)
    """A smooth function without a formula: sixty waves of random length and phase."""
    source = np.random.default_rng(seed)
    waves = 2 * source.standard_normal((at.shape[1], 60))
    return np.cos(at @ waves + source.uniform(0, 2 * np.pi, 60)) @ source.standard_normal(60)


@pytest.mark.parametrize(("points", "noise"), [(20, 0.0), (30, 0.0), (40, 0.0), (40, 0.1), (200, 0.05)])
def test_few_values_of_a_smooth_curve_have_no_formula(points: int, noise: float) -> None:
    """Polynomials and quotients of them pass through any such curve within what looks like noise."""
    at = np.random.default_rng(points).uniform(-1, 1, (points, 1))
    values = random_waves(points, at)
    values += noise * values.std() * np.random.default_rng(1).standard_normal(points)
    assert formula_of_data(at, values, seconds=5).status == "not found"


@pytest.mark.parametrize("width", [0.1, 0.3])
def test_a_smooth_function_on_a_short_interval_has_no_formula(width: float) -> None:
    """The complete elliptic integral: eight coefficients of a polynomial leave rounding alone there, and are wrong."""
    from scipy.special import ellipe

    at = np.random.default_rng(3).uniform(0, width, (200, 1))
    assert formula_of_data(at, ellipe(at[:, 0]), seconds=5).status == "not found"


def test_a_line_in_noise_is_one() -> None:
    at = np.random.default_rng(0).uniform(-1, 1, (40, 1))
    values = 2.31 * at[:, 0] + 0.57 + 0.03 * np.random.default_rng(1).standard_normal(40)
    found = formula_of_data(at, values, seconds=5)
    assert found.status == "verified numerically"
    np.testing.assert_allclose(found(x=np.array([0.0, 1.0])), [0.57, 2.88], atol=0.03)


def test_a_stated_noise_decides() -> None:
    """Data that are better than they are said to be agree with what is simpler."""
    at, values = data(x + sp.Rational(1, 1000) * sp.sin(9 * x), [(-1, 1)])
    rough = suggestion_of_data(at, values, noise=1e-3)
    assert rough is not None
    (number,) = rough.numbers
    assert rough.expression == number.symbol * symbol("x")


def test_the_answer_of_a_network_is_asked_between_the_data() -> None:
    """Forty points bear no series; with a function that knows more the ladder still sees what it is."""
    at, values = data(sp.tanh(2 * x) * sp.tanh(3 * y - 1), [(-1, 1), (-1, 1)], points=60)
    truth: Callable[[Array], Array] = lambda p: np.tanh(2 * p[:, 0]) * np.tanh(3 * p[:, 1] - 1)  # noqa: E731
    found = formula_of_data(at, values, names=["x", "y"], surrogate=truth, target="u")
    assert equal(found.expressions["u"], sp.tanh(2 * x) * sp.tanh(3 * y - 1), [(-1, 1), (-1, 1)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.zeros((3, 2, 2)), "y": np.zeros(3)}, "one row a point"),
        ({"X": np.zeros((9, 2)), "y": np.zeros(8)}, "one value a row"),
        ({"X": np.zeros((9, 2)), "y": np.full(9, np.nan)}, "finite"),
        ({"X": np.zeros((5, 2)), "y": np.zeros(5)}, "at least eight"),
        ({"X": np.zeros((9, 2)), "y": np.zeros(9), "names": ["a"]}, "one name a column"),
        ({"X": np.zeros((9, 2)), "y": np.zeros(9), "noise": -1.0}, "root mean square error"),
    ],
)
def test_what_is_no_data_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        formula_of_data(**arguments)  # type: ignore[arg-type]
