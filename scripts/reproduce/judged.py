"""Fits every case of a table by ``kanpde.fit``'s defaults and prints it beside the published figures.

For each seed, fresh training and test points and a fresh start: the figure is the median over the seeds of the RMSE on the test
points, which the fit never sees. Nothing is chosen by case: the network's size is ``kanpde.fit``'s own choice, made on a part of
the training points.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

import numpy as np
from cases import SEEDS, Case
from table import Row, clock, print_head, print_row

import kanpde
from kanpde.kan import KAN


def arguments(description: str, names: Iterable[str]) -> argparse.ArgumentParser:
    """What both scripts understand."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seeds", type=int, default=len(SEEDS), metavar="N", help="seeds 0 to N - 1 (default: 5)")
    parser.add_argument("--names", nargs="+", metavar="NAME", help=f"some rows: {', '.join(names)}")
    parser.add_argument(
        "--words", type=json.loads, default={}, metavar="JSON", help='other words than kanpde.fit\'s defaults: {"budget": 20}'
    )
    return parser


def chosen(cases: Sequence[Case], names: Sequence[str] | None) -> list[Case]:
    """The rows that were asked for, or all of them; a sentence where there is no such row."""
    known = {case.name: case for case in cases}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise SystemExit(f"There is no row {unknown[0]!r}: write one of {', '.join(known)}.")
    return [known[name] for name in names] if names else list(cases)


def judge(title: str, cases: Sequence[Case], seeds: int, words: dict[str, Any]) -> int:
    """Prints one line for each case and how many are at or below the best published figure; returns that number."""
    print_head(f"{title}: test RMSE, median of {seeds} seeds" + (f", with {words}" if words else ""))
    good = 0
    for case in cases:
        errors, seconds, networks = zip(*(_fitted(case, seed, words) for seed in range(seeds)), strict=True)
        whose = min(case.published, key=lambda who: case.published[who])
        ours = median(errors)
        good += ours <= case.best
        others = ", ".join(f"{who} {value:.2e}" for who, value in case.published.items() if who != whose)
        mark = "at or below" if ours <= case.best else "ABOVE"
        spread = f"{min(errors):.1e} to {max(errors):.1e}"
        network = Counter(networks).most_common(1)[0][0]
        print_row(Row(case.name, case.best, whose, ours, median(seconds), f"{mark}; {spread}; {network}; {others}"))
    print(f"at or below the best published figure: {good} of {len(cases)}", flush=True)
    return good


def _fitted(case: Case, seed: int, words: dict[str, Any]) -> tuple[float, float, str]:
    """RMSE on the test points, seconds of the processor, the chosen network."""
    points, values, unseen, truth = case.sample(seed)
    with clock() as spent:
        regression = kanpde.fit(points, values, names=case.names, seed=seed, **words)
    error = float(np.sqrt(np.mean((regression(unseen) - truth) ** 2)))
    return error, spent.seconds, _described(regression.network)


def _described(network: KAN) -> str:
    """Widths (a layer with products as [sums, products]), the most intervals of a grid and the highest degree."""
    layers = [f"[{layer.sums}, {layer.products}]" if layer.products else f"{layer.sums}" for layer in network.stack]
    return f"[{network.inputs}, {', '.join(layers)}] G={max(network.intervals)} k={max(group.degree for group in network.edges)}"
