"""Networks as programs for other runtimes: ``.pt2`` (torch.export) and ``.onnx``; points (N, d) in, values (N, outputs) out.

The number of points stays open. A program knows values only, no derivatives, and nothing of the problem: not where its domain
ends, and not the materials or pieces that lie in it, unless the network holds them.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kanpde.errors import MissingDependency, ProblemError
from kanpde.export.atomic import replacing
from kanpde.results import Solution

if TYPE_CHECKING:
    from torch.export import ExportedProgram

_POINTS = 5  # of the example that is traced; any number may be given later


def program(network: Any, point: np.ndarray) -> ExportedProgram:  # (d,)
    """The network as torch.export sees it, for any number of points; ``point`` is one of them.

    Raises ProblemError for a network that it cannot trace, as one that asks where each point lies.
    """
    import torch

    like = next(network.parameters())
    example = torch.as_tensor(np.tile(point, (_POINTS, 1))).to(like)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's own, about what it deprecates inside
            return torch.export.export(network, (example,), dynamic_shapes=({0: torch.export.Dim("points", min=1)},))
    except Exception as error:  # torch.export raises errors of many kinds for what it cannot follow
        message = "torch.export cannot follow this network: singular functions, materials and windows ask where a point lies"
        raise ProblemError(message, hint="write .h5, or values as .csv, .nc or .vtkhdf") from error


def write_pt2(network: Any, point: np.ndarray, path: Path) -> None:
    """What ``torch.export.load(path).module()`` runs, without kanpde."""
    import torch

    made = program(network, point)
    with replacing(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(made, temporary)


def write_onnx(network: Any, point: np.ndarray, path: Path) -> None:
    """The same for ONNX runtimes; raises MissingDependency where torch lacks the packages that it needs for that."""
    import torch

    made = program(network, point)
    try:
        with replacing(path) as temporary, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(made, (), temporary, input_names=["points"], output_names=["values"], verbose=False)
    except ImportError as error:
        hint = "pip install onnx onnxscript; or write .pt2, which needs nothing more"
        raise MissingDependency(f"torch writes ONNX with a package that is not installed ({error.name})", hint=hint) from None


def solution_as_pt2(solution: Solution, path: Path) -> None:
    """The network of a solution for torch.export: coordinates in the order of the problem in, fields out."""
    write_pt2(solution.network, solution.problem.domain.bounds.mean(1), path)


def solution_as_onnx(solution: Solution, path: Path) -> None:
    """The network of a solution for ONNX runtimes."""
    write_onnx(solution.network, solution.problem.domain.bounds.mean(1), path)
