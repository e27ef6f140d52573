"""A network fitted to data: call it, look at it, simplify it, read a formula off it. Every change gives a new Regression."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from kanpde.optimize.threads import threads
from kanpde.results import Formula, History, Report, silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kanpde.kan import KAN
    from kanpde.kan.attribution import Attribution
    from kanpde.learn.data import Data
    from kanpde.learn.edge_functions import EdgeFunction
    from kanpde.learn.memory import Memory

TRAINING = ("optimizer", "steps", "batch", "l1", "entropy", "smoothness", "ridge", "patience", "tolerance", "seed")
"""Words of ``kanpde.fit`` that say how a network is trained."""

MODEL = (
    "network", "widths", "grid", "degree", "basis", "base", "validation", "names", "targets", "domain", "device", "dtype",
    "budget",
)  # fmt: skip
"""Words of ``kanpde.fit`` that say what is trained, on which points, and for how long; all others go to the optimiser."""


@dataclass(frozen=True, eq=False, repr=False)
class Regression:
    """What ``kanpde.fit`` returns: ``regression(X)`` are the predicted values, numpy in and numpy out.

    ``data`` are the points that the network was trained on, ``validation`` those held back (None if there were none),
    ``settings`` the words of ``kanpde.fit`` that were used, ``outcome`` a sentence, ``seconds`` those of all training so far.
    Methods that change the network return a new Regression, so that nothing is lost and steps can be chained:
    ``kanpde.fit(X, y).prune().refit().auto_symbolic()``.
    """

    network: KAN
    data: Data
    settings: Mapping[str, Any]
    history: History
    outcome: str
    validation: Data | None = None
    seconds: float = 0.0
    formula: Formula | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    memory: Memory | None = None  # what data before ``data`` determined (see ``learn``); it is not saved

    @property
    def names(self) -> tuple[str, ...]:
        """What the inputs are called."""
        return self.data.names

    @property
    def targets(self) -> tuple[str, ...]:
        """What the values are called."""
        return self.data.targets

    @property
    def parameters(self) -> int:
        """How many numbers the network has learned."""
        return self.network.count

    @property
    def live_edges(self) -> int:
        """How many edges are not pruned: splines and known functions."""
        return sum(int((phi.abs().amax(-1) > 0).sum()) for phi in self.network.edge_values(self.data.x))

    @property
    def rmse(self) -> float:
        """The root mean square error on the points of training, over all values, in the units of y."""
        return self._rmse(self.data)

    @property
    def validation_rmse(self) -> float | None:
        """The same on the points that were held back; None if there are none."""
        return None if self.validation is None else self._rmse(self.validation)

    @torch.no_grad()
    def _rmse(self, data: Data) -> float:
        return float((self.network(data.x) - data.y).square().mean().sqrt())

    def relative(self, data: Data) -> float:
        """The root mean square error on points, each value in units of the spread of its column of training; dimensionless."""
        with torch.no_grad():
            left = (self.network(data.x) - data.y) / self.data.scale
        return float(left.square().mean().sqrt())

    def predict(self, X: Any) -> np.ndarray:  # (N, d) -> (N,) or (N, m)
        """The network's values at points, in the order of ``names``; (N,) for a single target. (N,) points of a single input do.

        Beyond the grids of the inputs it is continued by its tangent at their ends: ``outside`` tells where.
        Raises ValueError for another number of inputs and for points that are not finite.
        """
        points = self._points(X)
        from kanpde.kan.beyond import continued

        values = continued(self.network, points).cpu().double().numpy()
        return values[:, 0] if values.shape[1] == 1 else values

    __call__ = predict

    def outside(self, X: Any) -> dict[str, float]:
        """The share of the points beyond the grid of each input, by its name: there the prediction is an extrapolation."""
        return dict(zip(self.names, self.network.outside(self._points(X)).tolist(), strict=True))

    def _points(self, X: Any) -> torch.Tensor:  # (N, d)
        points = np.array(X, dtype=float)  # a copy: torch wants memory that may be written to
        points = points[:, None] if points.ndim == 1 and self.network.inputs == 1 else points
        if points.ndim != 2 or points.shape[1] != self.network.inputs:
            wanted = f"(N, {self.network.inputs})"
            raise ValueError(f"the points have shape {points.shape}; {wanted} is wanted, with columns {', '.join(self.names)}")
        if not np.isfinite(points).all():
            raise ValueError(f"the point in row {int(np.argwhere(~np.isfinite(points))[0, 0])} is not finite")
        return torch.as_tensor(points).to(next(self.network.parameters()).detach())

    def values(self, columns: Mapping[str, Any]) -> dict[str, np.ndarray]:  # (N,) each
        """Every target at points given by the names of the inputs, numbers or columns that broadcast."""
        missing = [name for name in self.names if name not in columns]
        if missing:
            raise ValueError(f"a value is missing for {', '.join(missing)}: the inputs are {', '.join(self.names)}")
        arrays = np.broadcast_arrays(*(np.asarray(columns[name], dtype=float) for name in self.names))
        found = self.predict(np.stack([a.ravel() for a in arrays], 1)).reshape(-1, len(self.targets))
        return {name: column.reshape(arrays[0].shape) for name, column in zip(self.targets, found.T, strict=True)}

    def refit(
        self,
        *,
        budget: float = 60.0,
        grids: Sequence[int] = (),
        progress: bool = False,
        report: Report | None = None,
        **words: Any,
    ) -> Regression:
        """The same network trained on, on its own grids or in stages over ``grids``, for at most ``budget`` seconds.

        ``words`` are those of ``kanpde.fit`` that concern training (``l1=1e-3``, ``steps=50``, ``optimizer="adam"``); what is not
        given is as it was before. Raises ValueError for words that do not fit.
        """
        from kanpde.learn.training import train
        from kanpde.report.progress import shown

        if wrong := [word for word in words if word in MODEL]:
            raise ValueError(f"refit trains the network that there is, and has no word '{wrong[0]}'; fit a new one")
        same = words.get("optimizer", self.settings.get("optimizer")) == self.settings.get("optimizer")
        kept = {k: v for k, v in self.settings.items() if k in TRAINING or (same and k not in MODEL)} | words
        kept["memory"] = self.memory if self.memory is not None and self.memory.fits(self.network) else None
        began = time.perf_counter()
        with shown(report, progress, "fit") as said, threads(1):
            trained = train(
                self.network, self.data, self.validation, grids=tuple(grids), deadline=began + budget, report=said, **kept
            )
        history = History([*self.history.stages, *trained.history.stages])
        seconds = self.seconds + time.perf_counter() - began
        fresh = self._with(trained.network, f"relative error {trained.error:.1e} after training on: {trained.sentence}")
        return replace(fresh, settings={**self.settings, **words}, history=history, seconds=seconds)._with_own_formula()

    def learn(self, X: Any, y: Any, **words: Any) -> Regression:
        """The network trained on further points, which are looked at alone, without forgetting the earlier ones.

        What those determined is remembered (``remember=False``: only where the new points do not reach), and grids grow where the
        new points lie beyond them, which ``outcome`` says. Other ``words``: ``budget`` in seconds, ``validation`` (a share of the
        new points), ``report``, and those of training (``steps=50``). Penalties are off unless they are given.
        """
        from kanpde.learn.continual import continued

        return continued(self, X, y, **words)

    def refine(self, grid: int | None = None, knots: str = "equal") -> Regression:
        """The network on finer grids: room that ``refit`` then fills. ``outcome`` says by how much the function has changed.

        By default every interval is cut in two, exactly; ``grid`` asks for at least so many intervals. ``knots`` puts them where
        they are needed instead: by "curvature" of the edges (for steep fronts), by the "values" that occur, or where the squared
        "residual" is large, whose intervals are halved. Raises ValueError for other words.
        """
        from kanpde.learn.refining import refined

        return self._with(*refined(self.network, self.data, grid, knots))

    def prune(self, edges: float = 1e-2, nodes: float = 1e-2, change: float | None = None) -> Regression:
        """The network without edges and hidden nodes whose score of ``attribution`` is below a threshold (1: a whole output).

        With ``change`` only as many of them go as change the function by no more than that part of its standard deviation. What
        is left is not trained again: ``prune().refit()`` does.
        """
        from kanpde.kan.prune import pruned

        found = pruned(self.network, self.data.x, edges, nodes, change)
        return self._with(found.network, found.sentence)

    def attribution(self, output: int | None = None) -> Attribution:
        """How much every input, node and edge matters to the outputs, or to one of them, on the points of training."""
        from kanpde.kan.attribution import attribution

        return attribution(self.network, self.data.x, output)

    def suggest_symbolic(self, layer: int, source: int, target: int, most: int = 5) -> list[EdgeFunction]:
        """Functions that the edge from node ``source`` of ``layer`` to subnode ``target`` (all from 0) may be, the best first.

        Each says how far it is from the edge and what it does to the error on the data; ``fix_symbolic`` puts one in.
        """
        from kanpde.learn.edge_functions import suggest_edge

        return suggest_edge(self.network, self.data.x, layer, source, target, self.data.y, most)

    def fix_symbolic(self, layer: int, source: int, target: int, function: str, affine: Any = None) -> Regression:
        """The edge from node ``source`` of ``layer`` to subnode ``target`` (all from 0) as c f(a z + b) + d, f by its name.

        Without ``affine`` (a, b, c, d) the four numbers are fitted to the edge as it is. ``freed`` by ``free_symbolic``.
        """
        from kanpde.learn.edge_functions import fitted

        if affine is None:
            affine = fitted(self.network, self.data.x, layer, source, target, (function,))[0].affine
        numbers = torch.as_tensor(affine, dtype=torch.float64)
        network = self.network.fixed(layer, source, target, function, numbers)
        return self._with(network, f"the edge ({layer}, {source}, {target}) is {function} now")

    def free_symbolic(self, layer: int, source: int, target: int) -> Regression:
        """The edge as the spline again that it was before ``fix_symbolic``."""
        return self._with(self.network.freed(layer, source, target), f"the edge ({layer}, {source}, {target}) is a spline again")

    def simplify(self, tolerance: float = 1e-2, budget: float = 60.0, **words: Any) -> Regression:
        """The smallest network that is accurate enough: hidden nodes that the rest can learn to do without are taken out.

        Accurate enough is a relative error of at most ``tolerance`` on the validation points, or no larger than it is now.
        ``words`` go to training (``l1``, ``steps``).
        """
        from kanpde.learn.simplify import simplified

        began = time.perf_counter()
        seed = self.settings.get("seed", 0)
        with threads(1):
            found = simplified(self.network, self.data, self.validation, tolerance, began + budget, seed, **words)
        if found.network.count >= self.parameters:  # training for sparsity alone makes a network no better
            return replace(self, outcome="every node matters: none can be taken out")
        return replace(self._with(found.network, found.sentence), seconds=self.seconds + time.perf_counter() - began)

    def auto_symbolic(self, budget: float = 60.0, **words: Any) -> Regression:
        """The network with every edge that may be one as a known function, trained on; ``outcome`` says what stays a spline.

        An edge is replaced only if the network stays as good as it was; if no spline is left, ``formula`` is what the network
        says. ``words`` go to training (``steps``, ``optimizer``).
        """
        from kanpde.learn.auto_symbolic import auto_symbolic

        began = time.perf_counter()
        seed = self.settings.get("seed", 0)
        with threads(1):
            found = auto_symbolic(self.network, self.data, self.validation, began + budget, seed, **words)
        fresh = replace(self._with(found.network, found.sentence), seconds=self.seconds + time.perf_counter() - began)
        return fresh._with_own_formula()

    def find_formula(self, seconds: float = 60.0, noise: float | None = None, report: Report = silent) -> Regression:
        """The same fit with the formula that its data follow, as far as they can tell: "verified numerically", or "not found".

        All points are asked, those held back too; the network fills in between them. ``noise`` is the root mean square error of
        the values, estimated from them if None. Formulas of several targets are looked for one after the other.
        """
        from kanpde.learn.formulas import formula_of

        return replace(self, formula=formula_of(self, seconds, noise, report))

    def save(self, path: str | PathLike[str]) -> None:
        """Write everything into one HDF5 file, which ``Regression.load`` reads; other suffixes write the network or the formula.

        ``.pt`` the network (``KAN.load``), ``.py``, ``.tex`` and ``.c`` the formula, or without one the network, ``.csv`` points
        with given and predicted values.
        """
        from kanpde.export.regression import save

        save(self, path)

    @staticmethod
    def load(path: str | PathLike[str]) -> Regression:
        """The Regression in a ``regression.h5``, or in the run folder that holds one."""
        from kanpde.export.regression import load

        return load(path)

    def plot(self, kind: str = "network") -> Figure:
        """A figure: the ``network`` with every edge's function, the ``fit`` (predicted against given), or the ``convergence``."""
        from kanpde.report.fits import figure

        return figure(self, kind)

    def summary(self) -> dict[str, Any]:
        """The figures of the fit in plain types: what ``summary.json`` of a run folder holds."""
        from kanpde.export.regression import summary

        return summary(self)

    def _with_own_formula(self) -> Regression:
        """With the formula that the network says, if no edge of it is a spline."""
        from kanpde.learn.auto_symbolic import spline_edges
        from kanpde.learn.formulas import formula_of_edges

        return self if spline_edges(self.network, self.data.x) else replace(self, formula=formula_of_edges(self))

    def _with(self, network: KAN, outcome: str) -> Regression:
        """Another network; a formula of the old one is none of the new one."""
        return replace(self, network=network, outcome=outcome, formula=None)

    def rows(self) -> list[tuple[str, str]]:
        """What a reader wants to know about the fit, as (name, value)."""
        found = [("network", _shape(self.network))]
        for name, data in (("training", self.data), ("validation", self.validation)):
            if data is not None:
                error = self._rmse(data)
                found.append((f"rmse, {name}", f"{error:.3g} ({self.relative(data):.1e} of the spread), {data.points} points"))
        found.append(("time", f"{self.seconds:.2g} s, {self.history.iterations} iterations"))
        if self.formula is not None:
            known = f"{self.formula.text}  ({self.formula.status})" if self.formula.text else self.formula.sentence
            found.append(("formula", known))
        return [*found, ("outcome", self.outcome)]

    def __str__(self) -> str:
        heading = f"{', '.join(self.targets)} from {', '.join(self.names)}"
        return "\n".join([heading, *(f"  {name:<18}{value}" for name, value in self.rows())])

    def __repr__(self) -> str:
        return f"<Regression {', '.join(self.targets)} of {', '.join(self.names)}: {_shape(self.network)}, rmse {self.rmse:.2e}>"


def widths(network: KAN) -> list[int | list[int]]:
    """The nodes of every layer as ``KAN`` takes them: sums, or [sums, products]."""
    return [network.inputs, *([layer.sums, layer.products] if layer.products else layer.sums for layer in network.stack)]


def _shape(network: KAN) -> str:
    """Widths, basis, grid and parameters in words."""
    nodes = [str(w) if isinstance(w, int) else f"{w[0]} + {w[1]} products" for w in widths(network)]
    group = network.edges[0]
    grids = sorted(set(network.intervals))
    grid = str(grids[0]) if len(grids) == 1 else f"{grids[0]} to {grids[-1]}"
    return f"{' -> '.join(nodes)}, {group.basis} of degree {group.degree}, grid {grid}, {network.count} parameters"
