"""``regression.h5``: everything about a fit in one file, and what else a fit can be written as.

    /                  outcome, errors                    /kanpde/network    spec (JSON), state/<name>
    /training/x, y     the points trained on (N, d), (N, m)   /kanpde/history    one array a column, one row a stage
    /validation/x, y   those held back, if any            /kanpde/formula, versions; settings (JSON)

Nothing in it is code: JSON, numbers and text.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kanpde.errors import ProblemError
from kanpde.export.atomic import replacing, write_text
from kanpde.export.formula import FITTED, as_tex, write_formula_files
from kanpde.export.programs import write_onnx, write_pt2
from kanpde.export.source_c import network_c
from kanpde.export.source_numpy import network_numpy
from kanpde.export.stored import read_formula, read_history, read_network, write_formula, write_history, write_network
from kanpde.export.summary import as_json, plain, versions
from kanpde.export.tables import in_one_line
from kanpde.learn.data import Data
from kanpde.learn.regression import Regression
from kanpde.results import Formula

FORMAT = 1
"""Number of the layout above; a reader refuses what it does not know."""

NAME = "regression.h5"


def write_regression(regression: Regression, path: str | PathLike[str]) -> None:
    """Write the whole fit to ``path``, or nothing at all."""
    with replacing(path) as temporary, h5py.File(temporary, "w", libver=("earliest", "v110")) as file:
        file.attrs.update(
            {
                "source": f"kanpde {versions()['kanpde']}",
                "kanpde_regression": FORMAT,
                "outcome": regression.outcome,
                "seconds": regression.seconds,
                "rmse": regression.rmse,
                **({"rmse_validation": regression.validation_rmse} if regression.validation is not None else {}),
            }
        )
        _write_points(file.create_group("training"), regression.data)
        if regression.validation is not None:
            _write_points(file.create_group("validation"), regression.validation)
        group = file.create_group("kanpde")
        group["settings"] = json.dumps(plain(dict(regression.settings)))
        write_network(group.create_group("network"), regression.network)
        write_history(group.create_group("history"), regression.history)
        write_formula(group.create_group("formula"), regression.formula)
        group.create_group("versions").attrs.update(dict(regression.versions) or versions())


def _write_points(group: h5py.Group, data: Data) -> None:
    for name, tensor, columns in (("x", data.x, data.names), ("y", data.y, data.targets)):
        array = group.create_dataset(name, data=tensor.detach().cpu().numpy(), compression="gzip", shuffle=True)
        array.attrs["columns"] = list(columns)
    group["domain"] = data.domain.detach().cpu().numpy()


def is_regression(path: str | PathLike[str]) -> bool:
    """Whether a file, or the run folder that holds it, is that of a fit."""
    source = _source(path)
    try:
        with h5py.File(source, "r") as file:
            return "kanpde_regression" in file.attrs
    except OSError:
        return False


def _source(path: str | PathLike[str]) -> Path:
    return Path(path) / NAME if Path(path).is_dir() else Path(path)


def load(path: str | PathLike[str]) -> Regression:
    """The fit in a file, or in the run folder that holds ``regression.h5``; raises ProblemError if there is none."""
    source = _source(path)
    if not source.is_file():
        raise ProblemError(f"there is no fit at '{path}'", hint="'kanpde fit DATA.csv' writes one to runs/<name of the file>")
    try:
        with h5py.File(source, "r") as file:
            if file.attrs.get("kanpde_regression") != FORMAT:
                raise ProblemError(f"'{source}' is no fit that this version of kanpde has written (format {FORMAT})")
            group = file["kanpde"]
            network = read_network(group["network"])
            data = _read_points(file["training"])
            return Regression(
                network=network,
                data=data,
                settings=json.loads(group["settings"].asstr()[()]),
                history=read_history(group["history"]),
                outcome=file.attrs["outcome"],
                validation=_read_points(file["validation"]) if "validation" in file else None,
                seconds=float(file.attrs["seconds"]),
                formula=_read_formula(group["formula"], data),
                versions=dict(group["versions"].attrs),
            )
    except (OSError, KeyError) as error:
        raise ProblemError(f"'{source}' is no complete file of a fit: {error}") from error


def _read_points(group: h5py.Group) -> Data:
    import torch

    x, y, domain = (torch.from_numpy(group[name][...]) for name in ("x", "y", "domain"))
    names, targets = (tuple(map(str, group[name].attrs["columns"])) for name in ("x", "y"))
    return Data(x, y, names, targets, domain)


def _read_formula(group: h5py.Group, data: Data) -> Formula | None:
    from kanpde.learn.columns import formula_names
    from kanpde.problem.formula import read_in_names

    names, targets = formula_names(data.names, data.targets)
    formula = read_formula(group, targets, lambda text: read_in_names(text, names))
    return formula and replace(formula, coordinates=names)


def summary(regression: Regression) -> dict[str, Any]:
    """The fields of a fit's ``summary.json``, JSON-safe. Names are promises; what is unknown is null."""
    from kanpde.learn.regression import widths

    formula, network = regression.formula or Formula("not found"), regression.network
    scores = regression.attribution().inputs.tolist() if regression.data.points > 1 else []
    figures = {
        "outcome": regression.outcome,
        "inputs": list(regression.names),
        "targets": list(regression.targets),
        "points": regression.data.points,
        "validation_points": regression.validation.points if regression.validation is not None else 0,
        "rmse": regression.rmse,
        "rmse_validation": regression.validation_rmse,
        "relative_rmse": regression.relative(regression.data),
        "relative_rmse_validation": None if regression.validation is None else regression.relative(regression.validation),
        "seconds": regression.seconds,
        "parameters": regression.parameters,
        "iterations": regression.history.iterations,
        "network": {
            "widths": widths(network),
            "basis": network.edges[0].basis,
            "degree": network.edges[0].degree,
            "grid": list(network.intervals),
            "symbolic_edges": sum(len(layer.symbolic.functions) for layer in network.stack if layer.symbolic is not None),
        },
        "importance": dict(zip(regression.names, scores, strict=False)),
        "formula": {
            "text": formula.text,
            "latex": formula.latex,
            "status": formula.status,
            "seconds": formula.seconds,
            "how": formula.how,
        },
        "stages": [
            {
                "name": stage.name,
                "grid": list(stage.grid),
                "parameters": stage.parameters,
                "iterations": stage.iterations,
                "seconds": stage.seconds,
                "relative_rmse": stage.residual,
                "relative_rmse_validation": stage.estimate,
            }
            for stage in regression.history.stages
        ],
        "settings": dict(regression.settings),
        "versions": dict(regression.versions) or versions(),
        "seed": regression.settings.get("seed"),
    }
    return dict(plain(figures))


def write_fit(regression: Regression, folder: Path) -> None:
    """``regression.h5``, ``summary.json`` and the formula's files into a run folder, each whole or not at all."""
    write_regression(regression, folder / NAME)
    write_text(folder / "summary.json", as_json(summary(regression)) + "\n")
    write_formula_files(regression.formula, folder, FITTED)


def _network_file(regression: Regression, path: Path) -> None:
    with replacing(path) as temporary:
        regression.network.save(temporary)


def _program_file(regression: Regression, path: Path) -> None:
    """The network for torch.export or ONNX runtimes."""
    write = write_pt2 if path.suffix == ".pt2" else write_onnx
    write(regression.network, regression.data.domain.mean(1).cpu().double().numpy(), path)


def _points_file(regression: Regression, path: Path) -> None:
    """Every point with the given and the predicted values, and whether it was trained on."""
    parts = [("training", regression.data)] + ([("validation", regression.validation)] if regression.validation else [])
    names = [*regression.names, *regression.targets, *(f"{name}_predicted" for name in regression.targets), "part"]
    lines = [in_one_line(names)]
    for word, data in parts:
        x, y = (tensor.detach().cpu().double().numpy() for tensor in (data.x, data.y))
        found = regression.predict(x).reshape(y.shape)
        lines += [",".join([*map(repr, row), word]) for row in np.concatenate([x, y, found], 1).tolist()]
    write_text(path, "\n".join(lines) + "\n")


def _formula_file(regression: Regression, path: Path) -> None:
    formula = regression.formula
    if formula is None or not formula.expressions:
        hint = "'kanpde symbolic RUN' looks for one; .pt, .py and .c write the network"
        raise ProblemError("no formula was found for this fit, so that there is none to write", hint=hint)
    write_text(path, as_tex(formula))


def _source_file(regression: Regression, path: Path) -> None:
    """The formula as Python or C source, or where there is none, the network."""
    from kanpde.learn.columns import formula_names

    formula, python = regression.formula, path.suffix == ".py"
    if formula is not None and formula.expressions:
        write_text(path, formula.python if python else formula.c)
        return
    names, targets = formula_names(regression.names, regression.targets)
    said = f"Trained by kanpde on {regression.data.points} points, root mean square error {regression.rmse:.2e}."
    write_text(path, (network_numpy if python else network_c)(regression.network, names, targets, said))


EXPORTERS: dict[str, Callable[[Regression, Path], None]] = {
    ".h5": write_regression,
    ".pt": _network_file,
    ".pt2": _program_file,
    ".onnx": _program_file,
    ".csv": _points_file,
    ".py": _source_file,
    ".c": _source_file,
    ".tex": _formula_file,
}
"""What a fit can be written as, by the suffix: all of it, its network, its points, its formula; .py and .c of the formula, or of
the network."""


def save(regression: Regression, path: str | PathLike[str]) -> None:
    """Write the fit in the format that the suffix of the path names."""
    suffix = Path(path).suffix
    if suffix not in EXPORTERS:
        raise ProblemError(f"a fit cannot be written as '{suffix or path}'; this version writes {', '.join(EXPORTERS)}")
    EXPORTERS[suffix](regression, Path(path))
