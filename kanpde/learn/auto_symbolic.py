"""Every edge that may be a known function becomes one; the others stay splines, and why is said.

An edge is replaced by a function only if the network, trained on with it, is as good as it was before: a good R^2 of the edge
alone is no reason, for J0 is a cosine to a thousandth. All edges are tried together first, for the errors of single edges cancel
in the whole; if that makes the network worse, one after the other.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import inf
from typing import Any

import torch

from kanpde.kan import KAN
from kanpde.kan.gauge import centred
from kanpde.learn.data import Data
from kanpde.learn.edge_functions import EdgeFunction, fitted
from kanpde.learn.training import Trained, train

CLOSE = 0.05
"""A function that leaves more than this part of an edge's variation is not worth a training."""
WORSE = 1.1
"""The error on the same points may grow by a tenth: functions have fewer numbers than splines to fit the points' noise with."""
ROUNDING = 1e-13
"""Relative errors below are rounding: none is worse than another."""
OPTIONS = 3  # functions of one edge that are tried
STEPS = 60  # of training after a replacement; Levenberg-Marquardt ends by itself before

EdgePlace = tuple[int, int, int]


@dataclass(frozen=True)
class AutoSymbolic:
    """The network with known functions where they belong; ``replaced`` by edge, and why the others ``stayed`` splines."""

    network: KAN
    error: float
    replaced: dict[EdgePlace, EdgeFunction]
    stayed: dict[EdgePlace, str]

    @property
    def complete(self) -> bool:
        """Whether the network is a formula: no edge is a spline any more."""
        return not self.stayed

    @property
    def sentence(self) -> str:
        """What was done, in words."""
        done = ", ".join(f"{place} {one.function}" for place, one in self.replaced.items())
        left = "; ".join(f"{place} stays a spline: {why}" for place, why in self.stayed.items())
        parts = [f"edges that are known functions: {done}" if done else "no edge is a known function", *([left] if left else [])]
        return "; ".join(parts)


def spline_edges(network: KAN, x: torch.Tensor) -> list[EdgePlace]:
    """The edges that are alive and no formula yet, as (layer, node, subnode)."""
    found = []
    for n, (layer, values) in enumerate(zip(network.stack, network.edge_values(x), strict=True)):
        known = set() if layer.symbolic is None else {(i, j) for i, j in layer.symbolic.places.tolist()}
        for j, i in (values.abs().amax(-1) > 0).nonzero().tolist():
            if (i, j) not in known:
                found.append((n, i, j))
    return found


def auto_symbolic(
    network: KAN,
    data: Data,
    validation: Data | None = None,
    deadline: float = inf,
    seed: int = 0,
    **words: Any,
) -> AutoSymbolic:
    """The network with every edge replaced that may be; ``words`` go to ``train`` (steps, optimizer).

    The error that must not grow is that on the validation points; without any, that on the data.
    """
    words = {"steps": STEPS, **words}

    def replaced(net: KAN, chosen: dict[EdgePlace, EdgeFunction]) -> Trained:
        for (layer, i, j), one in chosen.items():
            net = net.fixed(layer, i, j, one.function, torch.tensor(one.affine, dtype=torch.float64))
        return train(net, data, validation, deadline=deadline, seed=seed, **words)

    network = centred(network, data.x)  # functions of well-placed arguments lose no digits
    before = train(network, data, validation, deadline=deadline, seed=seed, **{**words, "steps": 1}).judged
    allowed = max(WORSE * before, ROUNDING)
    places = spline_edges(network, data.x)
    options: dict[EdgePlace, list[EdgeFunction]] = {}
    stayed: dict[EdgePlace, str] = {}
    for place in places:
        if time.perf_counter() > deadline:
            stayed[place] = "the time was used up"
            continue
        try:
            found = fitted(network, data.x, *place)
        except ValueError as reason:
            stayed[place] = str(reason)
            continue
        options[place] = [one for one in found if one.relative <= CLOSE][:OPTIONS]
        if not options[place]:
            stayed[place] = f"{found[0].function} is nearest and leaves {found[0].relative:.0%} of it"
    first = {place: found[0] for place, found in options.items() if found}
    if first:
        together = replaced(network, first)
        if together.judged <= allowed:
            return AutoSymbolic(together.network, together.judged, first, stayed)
    current, error, done = network, before, {}
    for place in sorted(first, key=lambda p: first[p].relative):
        best = None
        for one in options[place]:
            if time.perf_counter() > deadline:
                break
            trial = replaced(current, {place: one})
            if best is None or trial.judged < best[0].judged:
                best = trial, one
            if trial.judged <= allowed:
                break
        if best is not None and best[0].judged <= allowed:
            current, error = best[0].network, best[0].judged
            done[place] = best[1]
        elif best is None:
            stayed[place] = "the time was used up"
        else:
            stayed[place] = f"with {best[1].function} the relative error is {best[0].judged:.1e} and not {before:.1e}"
    return AutoSymbolic(current, error, done, stayed)
