"""What runs of every kind store alike: networks, histories and formulas as groups of an HDF5 file. JSON, numbers and text."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import fields as dataclass_fields
from typing import Any

import h5py
import numpy as np
import sympy as sp

from kanpde.errors import KanpdeError
from kanpde.export.summary import as_json
from kanpde.problem.language import write_expression
from kanpde.results import Formula, History, StageRecord

_COLUMNS = ("iterations", "parameters", "seconds", "residual", "estimate", "change")


def write_network(group: h5py.Group, network: Any) -> None:
    """Architecture and weights; what is no tensor of the state (names of symbolic edges) stands in the architecture."""
    import torch

    group["spec"] = json.dumps(network.spec())
    state = group.create_group("state")
    for name, tensor in network.state_dict().items():
        if isinstance(tensor, torch.Tensor):
            state[name] = tensor.detach().cpu().numpy()


def read_network(group: h5py.Group) -> Any:
    """The network that was written, on the CPU."""
    import torch

    from kanpde.kan import network_from_spec

    state = {name: torch.from_numpy(np.asarray(data[()])) for name, data in group["state"].items()}
    dtype = next((tensor.dtype for tensor in state.values() if tensor.is_floating_point()), torch.float64)
    network = network_from_spec(json.loads(group["spec"].asstr()[()]), dtype)
    plain = {name: value for name, value in network.state_dict().items() if not isinstance(value, torch.Tensor)}
    network.load_state_dict({**plain, **state})
    return network


def write_history(group: h5py.Group, history: History) -> None:
    """One array a column, one row a stage."""
    stages = history.stages
    for column in ("name", "solver"):
        group[column] = np.array([getattr(stage, column) for stage in stages], dtype=h5py.string_dtype())
    group["grid"] = np.array([json.dumps(stage.grid) for stage in stages], dtype=h5py.string_dtype())
    for column in _COLUMNS:
        values = [getattr(stage, column) for stage in stages]
        kind = np.int64 if column in ("iterations", "parameters") else np.float64
        group[column] = np.array([math.nan if value is None else value for value in values], dtype=kind)
    group["window"] = np.array([stage.window or (math.nan, math.nan) for stage in stages]).reshape(len(stages), 2)
    rest = {f.name: getattr(history, f.name) for f in dataclass_fields(History) if f.name != "stages"}
    group.attrs["run"] = as_json(rest, indent=None)


def read_history(group: h5py.Group) -> History:
    """The history that was written; of older files without the names of solvers."""
    columns = {column: group[column][...].tolist() for column in (*_COLUMNS, "window")}
    names = group["name"].asstr()[...]
    solvers = group["solver"].asstr()[...] if "solver" in group else [""] * len(names)
    stages = []
    for row, (name, text, solver) in enumerate(zip(names, group["grid"].asstr()[...], solvers, strict=True)):
        values: dict[str, Any] = {column: columns[column][row] for column in _COLUMNS}
        for optional in ("estimate", "change"):
            values[optional] = None if math.isnan(values[optional]) else values[optional]
        window = columns["window"][row]
        values["window"] = None if math.isnan(window[0]) else tuple(window)
        stages.append(StageRecord(name=name, grid=tuple(json.loads(text)), solver=solver, **values))
    return History(stages, **json.loads(group.attrs["run"]))


def write_formula(group: h5py.Group, formula: Formula | None) -> None:
    """The formula as text that ``read_formula`` reads; an empty group for none."""
    if formula is None:
        return
    group.attrs.update({"status": formula.status, "text": formula.text, "latex": formula.latex, "seconds": formula.seconds})
    group.attrs.update({"how": formula.how, "stages": json.dumps(dict(formula.stages))})
    group["transcript"] = np.array(formula.transcript, dtype=h5py.string_dtype())
    for name, expression in formula.expressions.items():
        group[name] = write_expression(expression)


def read_formula(group: h5py.Group, order: Iterable[str], read: Callable[[str], sp.Expr]) -> Formula | None:
    """The formula that was written, its fields in the given order; ``read`` makes an expression of a text."""
    if "status" not in group.attrs:
        return None
    known = list(order)
    names = sorted((name for name in group if name != "transcript"), key=lambda n: known.index(n) if n in known else len(known))
    transcript = tuple(group["transcript"].asstr()[...])
    try:
        expressions = {name: read(group[name].asstr()[()]) for name in names}
    except KanpdeError as error:  # the numbers are worth more than the formula: keep it as text, and say so
        expressions = {}
        transcript = (f"the stored formula {group.attrs['text']} cannot be read again: {error.message}", *transcript)
    stages = json.loads(group.attrs.get("stages", "{}"))
    seconds, how = float(group.attrs["seconds"]), group.attrs.get("how", "")
    return Formula(group.attrs["status"], expressions, seconds, transcript, stages, how)
