"""``summary.json``: the figures of a run, for scripts. Names are promises; what is unknown is null, never NaN."""

from __future__ import annotations

import json
import math
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

from kanpde.results import FieldComparison, Formula, Solution


def versions() -> dict[str, str]:
    """What the run was made with."""
    from kanpde import __version__

    found = {"kanpde": __version__, "python": python_version()}
    for name in ("torch", "numpy", "scipy", "sympy", "h5py"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def summary(solution: Solution) -> dict[str, Any]:
    """The fields of ``summary.json``, JSON-safe."""
    formula = solution.formula or Formula("not found")
    figures = {
        "title": solution.problem.title,
        "outcome": solution.outcome,
        "converged": bool(solution.converged),
        "tolerance": solution.plan.tolerance,
        "seconds": solution.seconds,
        "device": solution.device,
        "parameters": solution.parameters,
        "iterations": solution.history.iterations,
        "residual": solution.residual,
        "estimated_error": solution.estimate.value,
        "fields": {name: _field(solution, name) for name in solution.fields},
        "unknowns": {name: {"value": value, "std": std} for name, (value, std) in solution.unknowns.items()},
        "formula": {
            "text": formula.text,
            "latex": formula.latex,
            "status": formula.status,
            "seconds": formula.seconds,
            "stages": dict(formula.stages),
            "how": formula.how,
        },
        "stages": [
            {
                "name": stage.name,
                "grid": list(stage.grid),
                "parameters": stage.parameters,
                "iterations": stage.iterations,
                "seconds": stage.seconds,
                "residual": stage.residual,
            }
            for stage in solution.history.stages
        ],
        "versions": dict(solution.versions) or versions(),
        "seed": solution.plan.seed,
    }
    return dict(plain(figures))


def _field(solution: Solution, name: str) -> dict[str, Any]:
    found = solution.comparison.fields.get(name)
    if found is None:
        return {"l2": None, "max": None, "reference": None}
    figures = _compared(found)
    if name in solution.comparison.beside:
        figures["beside"] = _compared(solution.comparison.beside[name])
    return figures


def _compared(found: FieldComparison) -> dict[str, Any]:
    reference = {"method": found.method, "error": found.error, "seconds": found.seconds}
    return {"l2": found.l2, "max": found.max, "reference": reference}


def plain(value: Any) -> Any:
    """The value in types that JSON has: numpy numbers become Python's, NaN and infinities null, tuples lists."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def as_json(value: Any, indent: int | None = 2) -> str:
    """Strict JSON text of any of the above."""
    return json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False)
