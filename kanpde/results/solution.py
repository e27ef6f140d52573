"""The answer: a function of the coordinates with exact derivatives, its history, and what is known of its error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from kanpde.errors import ProblemError
from kanpde.results.evaluation import evaluate, inside, locate, refuse_outside, smoothness
from kanpde.results.history import History
from kanpde.results.types import Comparison, Estimate, Formula

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from xarray import Dataset

    from kanpde.kan import Network
    from kanpde.plan import Plan
    from kanpde.problem import Problem


@dataclass
class Solution:
    """The solved problem: ``solution(x=..., t=...)`` is u, ``solution.derivative("u_xx", x=..., t=...)`` a derivative of it.

    ``outcome`` is a sentence, ``converged`` says whether the tolerance was reached; ``estimate`` is the solver's own estimate of
    the relative L2 error, ``comparison`` the error against an independent reference, ``residual`` relative and on fresh points.
    ``seconds`` counts training, estimate and compression.
    """

    problem: Problem
    plan: Plan
    network: Network
    history: History
    outcome: str
    converged: bool
    estimate: Estimate
    residual: float
    seconds: float
    device: str
    comparison: Comparison = field(default_factory=Comparison)
    formula: Formula | None = None
    errors: Mapping[str, np.ndarray] = field(default_factory=dict)  # u - reference on the output grid, (..., N_t, N_y, N_x)
    unknowns: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # {name: (value, standard deviation)}
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the unknown functions, of a complex one those of its real and imaginary part."""
        return tuple(f.name for f in self.problem.fields)

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the unknown functions as the problem declares them."""
        part_of = {part: name for name, parts in self.problem.parts.items() for part in parts}
        return tuple(dict.fromkeys(part_of.get(name, name) for name in self.fields))

    @property
    def parameters(self) -> int:
        """How many numbers the network has learned."""
        return sum(int(p.numel()) for p in self.network.parameters())

    def __call__(self, **coordinates: Any) -> np.ndarray:
        """The values of the one field at the points; with several fields write ``solution["v"](x=..., y=...)``."""
        if len(self.functions) > 1:
            listed = ", ".join(self.functions)
            raise ProblemError(f"the solution has the fields {listed}; write solution['{self.functions[0]}'](...)")
        return self[self.functions[0]](**coordinates)

    def __getitem__(self, name: str) -> FieldSolution:
        if name not in self.fields and name not in self.functions:
            raise ProblemError(f"there is no field '{name}'; the solution has {', '.join(self.functions)}")
        return FieldSolution(self, name)

    def derivative(self, name: str, **coordinates: Any) -> np.ndarray:
        """The partial derivative ``name`` (``u_x``, ``u_xxt``) of the network at the points, exact to round-off.

        Complex for a complex function.
        """
        points = locate(self.problem.domain, coordinates)
        refuse_outside(self.problem.domain, points)
        return _scalar(self._evaluated(name, points))

    def on_grid(self, name: str, coordinates: Mapping[str, Any]) -> np.ndarray:
        """A field or a derivative at points of the box around the domain, given as a mapping; NaN outside of its shape."""
        points = locate(self.problem.domain, coordinates)
        return self._evaluated(name, points, inside(self.problem.domain, points))

    def _evaluated(self, name: str, points: list[np.ndarray], within: np.ndarray | None = None) -> np.ndarray:
        function, index = self.partial(name)
        parts = self.problem.parts.get(function, (function,))
        values = [evaluate(self.network, points, self.fields.index(part), index, within) for part in parts]
        return values[0] if len(values) == 1 else values[0] + 1j * values[1]

    def partial(self, name: str) -> tuple[str, tuple[int, ...]]:
        """The field and the multi-index of ``u``, ``u_xx``, ...

        Raises ProblemError for a field or a coordinate that does not exist, and above the network's smoothness.
        """
        known = {*self.fields, *self.functions}
        function, _, letters = (name, "", "") if name in known else name.rpartition("_")
        names = self.problem.coordinates
        if function not in known:
            raise ProblemError(
                f"'{name}' is no derivative of {', '.join(self.functions)}", hint=f"write {self.functions[0]}_{names[0]}"
            )
        for letter in letters:
            if letter not in names:
                listed = ", ".join(f"{function}_{n}" for n in (*names, names[0] * 2))
                raise ProblemError(
                    f"'{function}' has no coordinate '{letter}'",
                    hint=f"{function} depends on {', '.join(names)}; derivatives are written {listed}",
                )
        index = tuple(letters.count(n) for n in names)
        for axis, order in enumerate(index):
            smooth = smoothness(self.network, axis)
            if smooth is not None and order > smooth:
                raise ProblemError(
                    f"the network is {smooth} times continuously differentiable in {names[axis]}; {name} needs {order}",
                    hint=f"a higher degree makes it smoother: --set network.degree={order + 1}",
                )
        return function, index

    def values(self, coordinates: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Every field at points given by the coordinates' own names (no underscores needed)."""
        return {name: self[name](**coordinates) for name in self.fields}

    def gradients(self, coordinates: Mapping[str, Any]) -> dict[str, np.ndarray]:  # (N, d) for points (N,)
        """The first derivatives of every field, the coordinates last."""
        names = self.problem.coordinates
        return {f: np.stack([self.derivative(f"{f}_{name}", **coordinates) for name in names], -1) for f in self.fields}

    def save(self, path: str | PathLike[str]) -> None:
        """Write everything into one HDF5 file, which ``Solution.load``, xarray and ParaView read."""
        from kanpde.export import save

        save(self, path)

    @staticmethod
    def load(path: str | PathLike[str]) -> Solution:
        """The solution in a ``solution.h5`` (or in the run folder that holds one), callable as before."""
        from kanpde.export import load

        return load(path)

    def to_xarray(self, grid: Mapping[str, int] | int | None = None) -> Dataset:
        """The fields on a uniform grid, ``{"x": 401, "t": 101}`` points, as a labelled dataset."""
        from kanpde.export import to_xarray

        return to_xarray(self, grid)

    def plot(self, kind: str = "solution") -> Figure:
        """A figure of the solution, its ``error``, the ``network`` or the ``convergence``."""
        from kanpde.report import figure

        return figure(self, kind)

    def __repr__(self) -> str:
        arguments = ", ".join(self.problem.coordinates)
        functions = ", ".join(f"{name}({arguments})" for name in self.functions)
        error = f"estimated relative error {self.estimate.value:.1e}"
        formula = f"; {self.formula.text} ({self.formula.status})" if self.formula and self.formula.text else ""
        return f"<Solution {functions}: {error}, {self.parameters} parameters, {self.seconds:.2g} s{formula}; {self.outcome}>"


@dataclass(frozen=True)
class FieldSolution:
    """One field of a solution, callable: ``solution["v"](x=..., y=...)``."""

    solution: Solution
    name: str

    def __call__(self, **coordinates: Any) -> np.ndarray:
        return self.solution.derivative(self.name, **coordinates)

    def derivative(self, letters: str, **coordinates: Any) -> np.ndarray:
        """The partial derivative by ``letters``: ``"xx"``, or in full ``"v_xx"``."""
        name = letters if letters.startswith(f"{self.name}_") else f"{self.name}_{letters}"
        return self.solution.derivative(name, **coordinates)


def _scalar(values: np.ndarray) -> np.ndarray:
    """Numbers for numbers: an array without axes becomes a numpy float."""
    return values if values.ndim else values[()]
