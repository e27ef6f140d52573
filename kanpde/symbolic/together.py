"""Forms of all fields at once: each is searched by itself, and their numbers are settled and proved together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count, islice, product

import sympy as sp

from kanpde.problem.types import Problem
from kanpde.symbolic.boxes import Box
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.form import Form
from kanpde.symbolic.search import Search, Source, silent

MOST_FORMS = 3
"""Forms of one field of a system that are tried with those of the others; the first is right nearly always."""

Forms = Mapping[str, Form]


def forms_together(
    problem: Problem,
    sources: Mapping[str, Source],  # by field: of a complex one, its parts
    box: Box,
    error: float | None,
    budget: Budget,
    named: tuple[sp.Expr, ...],
    transcript: list[str],
    report: Callable[[str], None] = silent,
) -> Iterator[Forms]:
    """A form for every real field, the likeliest first."""
    groups = parts_of(problem)
    found: list[_Proposed] = []
    for number, (name, parts) in enumerate(groups.items()):
        own = budget if len(groups) == 1 else budget.part(budget.left / (len(groups) - number))
        lines: list[str] = []
        search = Search(problem, [sources[part] for part in parts], error, own, named, lines, _prefixed(report, name)).forms(box)
        proposed = _Proposed(search, parts, MOST_FORMS if len(groups) > 1 else None)
        found.append(proposed)
        hopeless = proposed[0] is None
        transcript += [f"{name}: {line}" for line in lines] if len(groups) > 1 else lines
        if hopeless:
            transcript += [] if lines else [f"{name}: no form was found"]
            return
    several = len(found) > 1
    places: Iterable[tuple[int, ...]] = (
        sorted(product(range(MOST_FORMS), repeat=len(found)), key=sum) if several else ((k,) for k in count())
    )
    for place in places:
        chosen = [f[k] for f, k in zip(found, place, strict=True)]
        if all(c is not None for c in chosen):
            yield {name: form for forms in chosen if forms is not None for name, form in forms.items()}
        elif not several:
            return


class _Proposed:
    """The forms of one function, looked for no sooner than they are asked for."""

    def __init__(self, forms: Iterator[Form], parts: Sequence[str], most: int | None) -> None:
        self._forms = (_split(form, parts) for form in islice(forms, most))
        self._seen: list[Forms] = []

    def __getitem__(self, place: int) -> Forms | None:
        while len(self._seen) <= place:
            form = next(self._forms, None)
            if form is None:
                return None
            self._seen.append(form)
        return self._seen[place]


def _prefixed(report: Callable[[str], None], name: str) -> Callable[[str], None]:
    return lambda text: report(f"{name}: {text}")


def parts_of(problem: Problem) -> dict[str, tuple[str, ...]]:
    """The functions that the file declares with their real fields: one each, or the two parts of a complex one."""
    part_of = {part: (name, parts) for name, parts in problem.parts.items() for part in parts}
    found: dict[str, tuple[str, ...]] = {}
    for field in problem.fields:
        name, parts = part_of.get(field.name, (field.name, (field.name,)))
        found[name] = tuple(parts)
    return found


def _split(form: Form, parts: Sequence[str]) -> Forms:
    """The forms of the real fields of one function."""
    if len(parts) == 1:
        return {parts[0]: form}
    split = form.expression.as_real_imag()
    return {
        part: Form(e, tuple(n for n in form.numbers if e.has(n.symbol)), form.how, form.expression)
        for part, e in zip(parts, split, strict=True)
    }
