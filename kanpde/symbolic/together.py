"""Forms of all fields at once: each is searched by itself, and their constants are chosen and proved together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice, product

import sympy as sp

from kanpde.problem.types import Problem
from kanpde.symbolic.assemble import Form
from kanpde.symbolic.budget import Budget
from kanpde.symbolic.sample import Sampler
from kanpde.symbolic.search import search_forms

MOST_FORMS = 3
"""Forms of one field of a system that are tried with those of the others; the first is right nearly always."""

Functions = Mapping[str, sp.Expr]


def forms_together(
    problem: Problem, samplers: Mapping[str, Sampler], error: float | None, budget: Budget, transcript: list[str]
) -> Iterator[tuple[Functions, Form]]:
    """Expressions for every field, and one form with the placeholders of all, the likeliest first."""
    found: list[list[Form]] = []
    for name, sampler in samplers.items():
        lines: list[str] = []
        search = search_forms(problem, sampler, error, budget, lines)
        if len(samplers) == 1:
            for form in search:
                yield {name: form.expression}, form
            transcript += lines
            return
        found.append([_of_field(form, name) for form in islice(search, MOST_FORMS)])
        if not found[-1]:
            transcript += [f"{name}: {line}" for line in lines] or [f"{name}: no form was found in time"]
            return
    numbered = product(*(enumerate(forms) for forms in found))
    for combination in sorted(numbered, key=lambda c: sum(number for number, _ in c)):
        forms = [form for _, form in combination]
        functions = {name: form.expression for name, form in zip(samplers, forms, strict=True)}
        placeholders = tuple(p for form in forms for p in form.placeholders)
        yield functions, Form(sp.Add(*functions.values()), placeholders, max(form.size for form in forms))


def _of_field(form: Form, name: str) -> Form:
    """The form with coefficients of its own kind: rates may have their letters in common with other fields, sizes need not."""
    return replace(
        form,
        placeholders=tuple(
            replace(p, group=f"{p.group} of {name}") if p.group == "coefficient" else p for p in form.placeholders
        ),
    )
