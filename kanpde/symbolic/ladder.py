"""The ladder: rungs that propose forms of a function, from the cheap and likely to the dear and rare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module

import numpy as np
import sympy as sp

from kanpde.symbolic.budget import Budget
from kanpde.symbolic.form import Form
from kanpde.symbolic.rungs.named import named_forms
from kanpde.symbolic.view import ACCEPT, Rung, View

RUNG_SECONDS = 6.0
"""What one rung may compute for one view."""
MOST_FORMS = 6
"""Forms that one rung may propose for one view: each costs a proof."""
LINES = 2
"""Of a rung's reasons, how many are worth reading: later ones are about transforms and parts."""


@dataclass(frozen=True)
class Step:
    """A rung with its name for the transcript, whether it is cheap enough for every level of noise, and where it applies."""

    name: str
    rung: Callable[[], Rung]
    cheap: bool = False
    dimensions: tuple[int, ...] = (1, 2, 3)


def _rung(module: str, name: str) -> Callable[[], Rung]:
    """A rung that is imported when it is needed."""

    def load() -> Rung:
        found: Rung = getattr(import_module(f"kanpde.symbolic.{module}"), name)
        return found

    return load


def _broken(view: View) -> Iterator[Form]:
    """Functions with kinks, whose pieces climb the ladder by themselves."""
    from kanpde.symbolic.rungs.piecewise import piecewise

    return piecewise(view, climb)


LADDER: tuple[Step, ...] = (
    Step("functions of one variable", _rung("curves.univariate", "univariate"), True, (1,)),
    Step("rational functions", _rung("rungs.rational", "rationals"), True, (2, 3)),
    Step("products", _rung("rungs.products", "transformed_products"), True, (2, 3)),
    Step("ridges", _rung("rungs.ridge", "ridges"), True, (2, 3)),
    Step("quotients", _rung("rungs.logarithmic", "quotients"), True, (1, 2)),
    Step("characteristics", _rung("rungs.coordinates", "characteristic"), True, (2,)),
    Step("solitons", _rung("rungs.solitons", "tau_functions"), True, (2, 3)),
    Step("polar coordinates", _rung("rungs.coordinates", "polar"), False, (2,)),
    Step("antiderivatives", _rung("rungs.antiderivative", "antiderivatives"), False, (1, 2)),
    Step("functions that the problem names", lambda: named_forms),
)
"""Rungs for smooth functions; each turns a hopeless function away quickly."""

ROUGH: tuple[Step, ...] = (
    Step("pieces", lambda: _broken),
    Step("Fourier series", _rung("fourier.series", "series"), False, (2,)),
)
"""Rungs for functions that are not analytic, or no finite sum."""


def climb(view: View, steps: Sequence[Step] = LADDER) -> Iterator[Form]:
    """The forms of a real function by the rungs, in their order."""
    for step in steps:
        if len(view.symbols) in step.dimensions:
            yield from proposals(step, view)


def proposals(step: Step, view: View, seconds: float = RUNG_SECONDS) -> Iterator[Form]:
    """What one rung proposes within its own time, as far as it fits."""
    if not view.budget.left:
        return
    own = replace(view, budget=view.budget.part(seconds), transcript=[])
    found = step.rung()(own)
    for _ in range(MOST_FORMS):
        form = _next(found, own)
        if form is None:
            break
        if form.expression.has(sp.Sum) or fits(form, own):
            yield form
    view.transcript.extend(f"{step.name}: {line}" for line in own.transcript[:LINES])


def complex_proposals(real: View, imaginary: View, budget: Budget) -> Iterator[Form]:
    """Forms of a complex function from its two parts."""
    from kanpde.symbolic.rungs.complex_fields import complex_forms

    own = [replace(v, budget=budget.part(RUNG_SECONDS), transcript=[]) for v in (real, imaginary)]
    found = complex_forms(own[0], own[1])
    for _ in range(MOST_FORMS):
        form = _next(found, own[0])
        if form is None:
            break
        yield form
    real.transcript.extend(f"modulus and phase: {line}" for line in own[0].transcript[:LINES])


def _next(found: Iterator[Form], view: View) -> Form | None:
    """The next form; None at the end, or where a rung breaks down: the others go on."""
    try:
        with np.errstate(all="ignore"):  # trial values overflow far from the fit
            return next(found, None)
    except (ArithmeticError, ValueError, np.linalg.LinAlgError) as failure:
        view.transcript.insert(0, f"broke down: {failure}")
        return None


def fits(form: Form, view: View) -> bool:
    """Whether a form is within the noise of the samples."""
    grid = np.meshgrid(*view.nodes, indexing="ij", sparse=True)
    misfit = form.values(view.symbols, grid) - view.values
    return bool(np.isfinite(misfit).all() and np.sqrt(np.mean(misfit**2)) <= ACCEPT * view.sigma)
