"""The ladder: forms of one function, from the cheap and likely to the dear and rare.

The rungs look at the same samples, first at the noise that the solver states, then at others: an error estimate may be wrong by
ten, and the proof forgives a wrong guess. What decays fast is only seen early, so that parts of the time interval follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp

from kanpde.problem.types import Problem, symbol
from kanpde.symbolic.boxes import Box, Spots, sample_box
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.form import Array, Form, number
from kanpde.symbolic.sample import Sampler
from kanpde.symbolic.view import Rung, View

ACCEPT = 3.0
"""A form fits if the root mean square of its misfit is within this many sigma. R^2 would accept an Airy function for e^-x."""
LEVELS = (1.0, 10.0, 0.1)
"""Factors on the noise."""
EARLY = (1.0, 1 / 8, 1 / 64)
"""Parts of the time interval that are sampled."""
RUNG_SECONDS = 6.0
"""What one rung may take of the budget on one view."""
LINES = 2
"""Of a rung's reasons, how many are worth reading: later ones are about transforms and parts."""
MOST_FORMS = 6
"""Forms that one rung may propose for one view: each costs a proof."""


def silent(text: str) -> None:
    """Tell nobody what is looked at."""


@dataclass(frozen=True)
class Source:
    """One real function as the solver delivers it: values on tensor grids and at scattered points."""

    sampler: Sampler
    spots: Spots


@dataclass(frozen=True)
class Step:
    """A rung with its name for the transcript and whether it is cheap enough for every level of noise."""

    name: str
    rung: Callable[[], Rung]
    cheap: bool = False
    dimensions: tuple[int, ...] = (1, 2, 3)


def _rung(module: str, name: str) -> Callable[[], Rung]:
    """A rung that is imported when it is needed."""

    def load() -> Rung:
        from importlib import import_module

        found: Rung = getattr(import_module(f"kanpde.symbolic.{module}"), name)
        return found

    return load


def forms_of(
    problem: Problem,
    sources: Sequence[Source],  # one, or the real and the imaginary part
    box: Box,
    error: float | None,
    budget: Budget,
    harvested: tuple[sp.Expr, ...],
    transcript: list[str],
    report: Callable[[str], None] = silent,
) -> Iterator[Form]:
    """Forms of one function on a box, the likeliest first; each fits its samples."""
    size = max(float(np.abs(s.spots.values).max(initial=0.0)) for s in sources)
    if size == 0 or all(s.spots.size <= (error or 0.0) * size for s in sources):
        yield Form(sp.Integer(0), (), "zero")
        return
    seen: set[str] = set()
    time = problem.domain.time_axis
    for part in EARLY if time is not None else EARLY[:1]:
        window = box if part == 1.0 or time is None else box.cut(time, 0.0, part)
        views = [_view(problem, s, window, error, budget, harvested, transcript) for s in sources]
        if part != 1.0 and budget.left < budget.seconds / 3:
            return
        for level in LEVELS:
            scaled = [v.of(replace(v.samples, sigma=level * v.sigma)) for v in views]
            for step in _steps(len(sources), len(problem.coordinates)):
                if not budget.left:
                    return
                if not step.cheap and (level != 1.0 or part != 1.0):
                    continue
                report(step.name)
                for form in _forms(step, scaled, budget):
                    key = _key(form)
                    if key not in seen:
                        seen.add(key)
                        yield form


def _view(
    problem: Problem,
    source: Source,
    box: Box,
    error: float | None,
    budget: Budget,
    harvested: tuple[sp.Expr, ...],
    transcript: list[str],
) -> View:
    sigma = None if error is None else error * source.spots.size
    symbols = tuple(symbol(name) for name in problem.coordinates)
    return View(symbols, sample_box(source.sampler, box, sigma), budget, problem, harvested, transcript)


def _steps(parts: int, dimension: int) -> tuple[Step, ...]:
    """The rungs for a real function of so many coordinates; a complex one has its own."""
    if parts == 2:
        return ()
    return tuple(step for step in LADDER if dimension in step.dimensions)


def _unused(view: View) -> Iterator[Form]:
    return iter(())


def _forms(step: Step, views: Sequence[View], budget: Budget) -> Iterator[Form]:
    """What a rung proposes within its own time, as far as it fits."""
    own = [replace(v, budget=budget.part(RUNG_SECONDS), transcript=[]) for v in views]
    if len(own) == 2:
        from kanpde.symbolic.complex_fields import complex_forms

        proposals = complex_forms(own[0], own[1])
    else:
        proposals = step.rung()(own[0])
    for _ in range(MOST_FORMS):
        try:
            with np.errstate(all="ignore"):  # trial values overflow far from the fit
                form = next(proposals, None)
        except np.linalg.LinAlgError as failure:  # one rung less; the others go on
            own[0].transcript.append(str(failure))
            form = None
        if form is None:
            views[0].transcript.extend(f"{step.name}: {line}" for line in own[0].transcript[:LINES])
            return
        if len(own) == 2 or fits(form, own[0]):
            yield form


def fits(form: Form, view: View) -> bool:
    """Whether a form is within the noise of the samples."""
    grid = np.meshgrid(*view.nodes, indexing="ij", sparse=True)
    misfit = form.values(view.symbols, grid) - view.values
    return bool(np.isfinite(misfit).all() and np.sqrt(np.mean(misfit**2)) <= ACCEPT * view.sigma)


def _key(form: Form) -> str:
    """Equal for forms that differ in the last digits of their numbers only."""
    return str(form.expression.xreplace({n.symbol: sp.Float(f"{n.value:.5g}") for n in form.numbers}))


def named_functions(problem: Problem) -> tuple[sp.Expr, ...]:
    """Functions of the coordinates that the problem itself names: sources, initial and boundary values, and their parts."""
    coordinates = {symbol(name) for name in problem.coordinates}
    found: dict[sp.Expr, None] = {}
    for residual in [*problem.equations, *(r for c in problem.conditions for r in c.residuals)]:
        jets = set(residual.jets)
        rest = sp.Add(*(term for term in sp.Add.make_args(sp.expand(residual.expression)) if not term.free_symbols & jets))
        for e in (rest, *sp.Add.make_args(rest), *sorted(rest.atoms(sp.Function), key=str)):
            if e.free_symbols & coordinates:
                found[problem.with_values(e)] = None
    return tuple(found)


def harvested_forms(view: View) -> Iterator[Form]:
    """A multiple of one or two of the problem's own functions, with a constant beside them."""
    grid = np.meshgrid(*view.nodes, indexing="ij")
    columns: list[tuple[sp.Expr, Array]] = []
    for e in view.harvested:
        values = Form(e).values(view.symbols, grid).ravel()
        if np.isfinite(values).all() and np.ptp(values) > 0:
            columns.append((e, values))
    target = view.values.ravel()
    allowed = ACCEPT * view.sigma * np.sqrt(target.size)
    one = np.ones_like(target)
    for i, (e, a) in enumerate(columns):
        for f, b in ((sp.Integer(0), None), (sp.Integer(1), one), *columns[i + 1 :]):
            matrix = a[:, None] if b is None else np.stack([a, b], 1)
            c, *_ = np.linalg.lstsq(matrix, target, rcond=None)
            if np.linalg.norm(matrix @ c - target) <= allowed:
                numbers = [number(float(v), allowed / np.linalg.norm(column)) for v, column in zip(c, matrix.T, strict=True)]
                expression = sp.Add(*(n.symbol * g for n, g in zip(numbers, (e, f), strict=False)))
                yield Form(expression, tuple(numbers), "functions that the problem names")


LADDER: tuple[Step, ...] = (
    Step("functions of one variable", _rung("univariate", "univariate"), True, (1,)),
    Step("products", _rung("products", "transformed_products"), True, (2, 3)),
    Step("ridges", _rung("ridge", "ridges"), False, (2, 3)),
    Step("quotients", _rung("logarithmic", "quotients"), False, (2,)),
    Step("characteristics", _rung("coordinates", "characteristic"), False, (2,)),
    Step("solitons", _rung("solitons", "tau_functions"), False, (2,)),
    Step("antiderivatives", _rung("antiderivative", "antiderivatives"), False, (1, 2)),
    Step("functions that the problem names", lambda: harvested_forms),
)
"""Cheap rungs first; each turns a hopeless function away quickly."""
