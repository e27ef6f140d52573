"""The smallest network that is accurate enough: nodes and edges are taken out one by one, and the rest is trained again.

A threshold on scores alone does not do it: two hidden nodes share what one can say, and each matters. Backward elimination asks
the right question: whether the rest can learn to do without. The candidates are those with the lowest scores (``attribution``).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import inf
from typing import Any

from kanpde.kan import KAN
from kanpde.kan.attribution import attribution
from kanpde.kan.gauge import centred
from kanpde.kan.prune import pruned, without
from kanpde.learn.data import Data
from kanpde.learn.training import Trained, train

TRIED = 2  # nodes whose absence is tried before a layer is left alone: the least important one is seldom the wrong one
STEPS = 20  # of training after each elimination: enough for Levenberg-Marquardt to see whether it converges
ROUNDS = 4  # times so many again, while each brings the error to less than HELPED of what it was
HELPED = 0.8
SPARE = 1.2  # times the error that the network came with, which is allowed: it was not quite trained
SPARSITY = 1e-4  # weight of l1 meanwhile: little enough for edges that are gone to come back where they are needed
IDLE = 1e-2  # score below which edges and nodes go at the end


@dataclass(frozen=True)
class Simplified:
    """The smaller network and its relative error on the points that judged; ``widths`` are the nodes of each layer."""

    network: KAN
    error: float
    sentence: str

    @property
    def widths(self) -> tuple[int, ...]:
        """Nodes of each layer, inputs first."""
        return (self.network.inputs, *(layer.nodes for layer in self.network.stack))


def simplified(
    network: KAN,
    data: Data,
    validation: Data | None = None,
    tolerance: float = 1e-2,
    deadline: float = inf,
    seed: int = 0,
    **words: Any,
) -> Simplified:
    """The network without all hidden nodes that it can learn to do without, and then without idle edges.

    A network is accurate enough while its relative error on the validation points (without any, on the data) is at most
    ``tolerance``, or no larger than the error it came with. ``words`` go to ``train`` (steps, l1, optimizer).
    """
    words = {"l1": SPARSITY, "steps": STEPS, **words}

    def trained_on(net: KAN, enough: float) -> Trained:
        """Trained on as long as that helps and the error is not small enough."""
        best = train(net, data, validation, seed=seed, deadline=deadline, **words)
        for _ in range(ROUNDS):
            if best.judged <= enough or time.perf_counter() > deadline:
                break
            further = train(best.network, data, validation, seed=seed, deadline=deadline, **words)
            if further.judged > HELPED * best.judged:
                break
            best = further
        return best

    current = trained_on(network, tolerance)
    allowed = max(tolerance, SPARE * current.judged)
    removed, changed = 0, True
    while changed and time.perf_counter() < deadline:
        changed = False
        for depth in range(1, len(current.network.stack)):
            scores = attribution(current.network, data.x).nodes[depth]
            if len(scores) < 2:  # a layer is never empty
                continue
            for node in scores.argsort().tolist()[:TRIED]:
                trial = trained_on(without(current.network, data.x, nodes=[(depth, node)]).network, allowed)
                if trial.judged <= allowed:
                    current, changed, removed = trial, True, removed + 1
                    break
    last = pruned(current.network, data.x, IDLE, IDLE)
    if last.edges:
        trial = trained_on(last.network, allowed)
        current = trial if trial.judged <= allowed else current
    final = train(centred(current.network, data.x), data, validation, seed=seed, deadline=deadline, **{**words, "l1": 0.0})
    shape = [network.inputs, *(layer.nodes for layer in final.network.stack)]
    said = f"{removed} hidden nodes were taken out, {shape} are left, relative error {final.judged:.1e}"
    return Simplified(final.network, final.judged, said)
