"""Forms of all fields at once: each is searched by itself, and their numbers are settled and proved together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, product

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
    found: list[list[Forms]] = []
    for number, (name, parts) in enumerate(groups.items()):
        lines: list[str] = []
        own = budget if len(groups) == 1 else budget.part(budget.left / (len(groups) - number))
        of_field = [sources[part] for part in parts]
        search = Search(problem, of_field, error, own, named, lines, _prefixed(report, name)).forms(box)
        split = _splits(search, parts)
        if len(groups) == 1:
            yield from split
            transcript += lines
            return
        found.append(list(islice(split, MOST_FORMS)))
        transcript += [f"{name}: {line}" for line in lines]
        if not found[-1]:
            transcript.append(f"{name}: no form was found")
            return
    numbered = product(*(enumerate(forms) for forms in found))
    for combination in sorted(numbered, key=lambda c: sum(place for place, _ in c)):
        yield {name: form for _, forms in combination for name, form in forms.items()}


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


def _splits(forms: Iterator[Form], parts: Sequence[str]) -> Iterator[Forms]:
    return (_split(form, parts) for form in forms)


def _split(form: Form, parts: Sequence[str]) -> Forms:
    """The forms of the real fields of one function."""
    if len(parts) == 1:
        return {parts[0]: form}
    split = form.expression.as_real_imag()
    return {
        part: Form(e, tuple(n for n in form.numbers if e.has(n.symbol)), form.how) for part, e in zip(parts, split, strict=True)
    }
