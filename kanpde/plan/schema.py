"""The JSON Schema of a whole problem file, for editors: the mathematics as text, the method from the pydantic models."""

from __future__ import annotations

from typing import Any

from kanpde.plan.plan import Plan

_TEXT: dict[str, Any] = {"type": ["string", "number"]}
_INTERVAL: dict[str, Any] = {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2}
_EQUATIONS: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}},
        {
            "type": "object",
            "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        },
    ]
}
_FILE: dict[str, Any] = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string"}}}


def _described(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, **schema}


MATHEMATICS: dict[str, dict[str, Any]] = {
    "title": _described("what the problem is called", {"type": "string"}),
    "find": _described("the unknown functions, and unknown constants: u(x, t), nu", {"type": "string"}),
    "domain": _described(
        "an interval for each coordinate, or a shape for several",
        {"type": "object", "minProperties": 1, "additionalProperties": {"anyOf": [_INTERVAL, {"type": "string"}, _FILE]}},
    ),
    "equation": _described("what holds inside the domain: left = right", _EQUATIONS),
    "equations": _described("the same as equation", _EQUATIONS),
    "where": _described(
        "constants, functions and abbreviations; an interval for a parameter or an unknown constant",
        {"type": "object", "additionalProperties": {"anyOf": [_TEXT, _INTERVAL, _FILE]}},
    ),
    "initial": _described("what holds at the first time", _EQUATIONS),
    "boundary": _described("what holds on the boundary; keys are places: x = 0, a shape, elsewhere", _EQUATIONS),
    "constraints": _described("values at points, integrals, signs", _EQUATIONS),
    "exact": _described("the exact solution, proved when the file is read: u = ...", {"type": "string"}),
    "data": _described(
        "measurements: columns named by coordinates and fields",
        {
            "type": "object",
            "required": ["file"],
            "properties": {"file": {"type": "string"}, "noise": _TEXT},
            "additionalProperties": False,
        },
    ),
}
"""The keys that say what is to be solved."""


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a problem file."""
    method = Plan.model_json_schema()
    definitions = method.pop("$defs", {})
    words = {
        "reference": ["auto", "none", "exact", "finite elements", "harmonic", "method of lines", "spectral"],
        "sampling": ["gauss", "sobol", "uniform", "residual-adaptive"],
        "symbolic": ["none"],
        "network": ["separable", "deep"],
    }
    properties = dict(method["properties"])
    for key, allowed in words.items():
        properties[key] = {"anyOf": [properties[key], {"enum": allowed}]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "kanpde problem file",
        "type": "object",
        "required": ["find", "domain"],
        "anyOf": [{"required": ["equation"]}, {"required": ["equations"]}],
        "properties": {**MATHEMATICS, **properties},
        "additionalProperties": False,
        "$defs": definitions,
    }
