"""The formula of a fit's data, target by target, as one ``Formula`` in the names of the columns."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from kanpde.learn.columns import formula_names
from kanpde.results import Event, Formula, FormulaStatus, Report

if TYPE_CHECKING:
    from kanpde.learn.regression import Regression

LEAST = 8
"""Points without which no formula is looked for: any would pass."""


def formula_of(regression: Regression, seconds: float, noise: float | None, report: Report) -> Formula:
    """What the data say about every target; "not found" unless there is a formula for each of them."""
    from kanpde.symbolic.data.formulas import formula_of_data

    names, targets = formula_names(regression.names, regression.targets)
    x, y = all_points(regression)
    if len(x) < LEAST:
        return Formula("not found", how=f"{len(x)} points are too few to tell one formula from another", coordinates=names)
    began, found = time.perf_counter(), []
    for number, target in enumerate(targets):

        def surrogate(points: np.ndarray, number: int = number) -> np.ndarray:  # (M, d) -> (M,)
            return regression.predict(points).reshape(len(points), -1)[:, number]

        def said(text: str) -> None:
            report(Event("search", "formula", message=text))

        left = (seconds - (time.perf_counter() - began)) / (len(targets) - number)
        found.append(formula_of_data(x, y[:, number], names, noise, surrogate, max(left, 1.0), said, target))
    return _joined(found, targets, names)


def formula_of_edges(regression: Regression) -> Formula:
    """What a network says all of whose edges are known functions, judged by all points."""
    from kanpde.symbolic.data.walk import formula_of_network

    names, targets = formula_names(regression.names, regression.targets)
    x, y = all_points(regression)
    return formula_of_network(regression.network, x, y, names, targets)


def all_points(regression: Regression) -> tuple[np.ndarray, np.ndarray]:  # (N, d), (N, m)
    """The points of training and those held back, as numpy arrays."""
    parts = [regression.data, *([regression.validation] if regression.validation is not None else [])]
    x, y = (torch.cat([getattr(part, name) for part in parts]).detach().cpu().double().numpy() for name in ("x", "y"))
    return x, y


def _joined(found: list[Formula], targets: tuple[str, ...], names: tuple[str, ...]) -> Formula:
    if len(found) == 1:
        return replace(found[0], coordinates=names)
    missing = [target for target, one in zip(targets, found, strict=True) if not one.expressions]
    status: FormulaStatus = "verified numerically" if not missing else "not found"
    expressions = {name: e for one in found for name, e in one.expressions.items()} if not missing else {}
    lines = tuple(f"{target}: {line}" for target, one in zip(targets, found, strict=True) for line in one.transcript)
    how = f"no formula for {', '.join(missing)}" if missing else "; ".join(dict.fromkeys(one.how for one in found))
    return Formula(status, expressions, sum(one.seconds for one in found), lines, how=how, coordinates=names)
