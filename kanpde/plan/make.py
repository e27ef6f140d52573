"""From the method part of a problem file to a ``Plan``: pydantic's complaints in plain words, with the place and a hint."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from kanpde.errors import ProblemError, Span
from kanpde.plan.plan import DeepNetwork, Output, Plan, ReferencePlan, Sampling, SeparableNetwork, StagePlan, Symbolic

Path = tuple[str | int, ...]

SECTIONS: dict[str, type[BaseModel]] = {
    "sampling": Sampling,
    "reference": ReferencePlan,
    "symbolic": Symbolic,
    "output": Output,
    "train": StagePlan,
}
"""The model of each section but ``network``, whose model depends on its architecture."""

SHORT_FORMS = {"network": "architecture", "reference": "method", "sampling": "method"}
"""Sections that may be a single word, and the key that the word stands for."""


class SpanOf(Protocol):
    """Where a value of the problem file stands; with ``key``, the word before its colon; None if it is not in the file."""

    def __call__(self, path: Path, key: bool = False) -> Span | None: ...


def make_plan(method: dict[str, Any], span_of: SpanOf | None = None) -> Plan:
    """The plan of the method part of a problem file; raises ProblemError for the first thing that is wrong with it."""
    try:
        return Plan.model_validate(method)
    except ValidationError as error:
        raise _plain_words(error, method, span_of) from None


def apply_setting(method: dict[str, Any], setting: str) -> dict[str, Any]:
    """The method part with one value replaced, as ``network.degree=5`` or ``train.0.steps=20``; the argument is left alone."""
    name, equals, text = setting.partition("=")
    keys = [key.strip() for key in name.split(".")]
    if not equals or not all(keys):
        raise ProblemError(f"the setting '{setting}' has no value", hint="write --set network.degree=5")
    result = copy.deepcopy(method)
    place: Any = result
    for key in keys[:-1]:
        place = _enter(place, key, name)
    last: str | int = _index(place, keys[-1], name) if isinstance(place, list) else keys[-1]
    place[last] = _value(text, setting)
    return result


def _enter(place: Any, key: str, name: str) -> Any:
    """The section ``key``, made where there is none, and spelled out where it is a single word."""
    if isinstance(place, list):
        at = _index(place, key, name)
        if not isinstance(place[at], dict):
            raise ProblemError(f"'{name}' is no setting")
        return place[at]
    inner = place.get(key)
    if isinstance(inner, str) and key in SHORT_FORMS:
        inner = {SHORT_FORMS[key]: inner}
    elif inner is None or (key == "symbolic" and inner in ("none", False)):
        inner = {}
    if not isinstance(inner, dict | list):
        raise ProblemError(f"'{name}' is no setting: '{key}' is {inner!r}")
    place[key] = inner
    return inner


def _index(place: list[Any], key: str, name: str) -> int:
    if not key.isdecimal() or int(key) >= len(place):
        raise ProblemError(f"'{name}' is no setting", hint=f"the list has the entries 0 to {len(place) - 1}")
    return int(key)


def _value(text: str, setting: str) -> Any:
    """The value as YAML 1.2 reads it: 5, 1e-9, true, a word, [8, 8]."""
    if len(text) > 1000 or any(letter in text for letter in "&*!"):
        raise ProblemError(f"the setting '{setting[:60]}' cannot be read")
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        raise ProblemError(f"the setting '{setting}' cannot be read", hint="write --set network.degree=5") from None


def _plain_words(error: ValidationError, method: dict[str, Any], span_of: SpanOf | None) -> ProblemError:
    found = error.errors(include_url=False, include_context=True)
    detail = next((e for e in found if _concerns(e["loc"], method)), found[0])
    path, value = _resolve(detail["loc"], method)
    kind = detail["type"]
    name = ".".join(str(step) for step in path)
    context = detail.get("ctx", {})
    if path[:1] == ("train",) and len(path) == 1 and not isinstance(value, list | tuple):
        message, hint = (
            f"train is 'lifted', 'all edges', or a list of stages, not {value!r}",
            _suggest(str(value), ("lifted", "all edges")),
        )
    elif kind == "too_short" or value == []:
        message, hint = f"'{name}' is an empty list", None
    elif kind == "extra_forbidden":
        key = str(detail["loc"][-1])
        known = _fields(path[:-1], method)
        section = name.rpartition(".")[0]
        message = f"there is no setting '{key}'" + (f" in '{section}'" if section else "")
        hint = _suggest(key, known) or f"there are {', '.join(known)}"
    elif kind in ("literal_error", "union_tag_invalid"):
        allowed = context.get("expected_tags") or context.get("expected", "")
        words = [word.strip().strip("'") for word in allowed.replace(" or ", ", ").split(",")]
        bad = context.get("tag", value)
        if kind == "union_tag_invalid":
            path = (*path, "architecture")
            name = ".".join(map(str, path))
        message, hint = f"'{name}' cannot be {bad!r}", _suggest(str(bad), words) or f"it is one of {', '.join(words)}"
    elif kind == "value_error":
        message, hint = f"'{name}': {context.get('error', detail['msg'])}", None
    else:
        message, hint = f"'{name}' {_requirement(kind, context, detail['msg'])}, not {_short(value)}", None
    span = span_of(path, key=kind == "extra_forbidden") if span_of else None
    return ProblemError(message, span, hint)


def _concerns(location: Path, method: dict[str, Any]) -> bool:
    """Whether a complaint belongs to the form in which the user wrote ``train``: a word, or a list of stages."""
    if location[:1] != ("train",):
        return True
    return isinstance(method.get("train"), list | tuple) == any(isinstance(step, int) for step in location)


def _resolve(location: Path, method: dict[str, Any]) -> tuple[Path, Any]:
    """The path in the file, without the names of pydantic's alternatives, and the value there."""
    path: list[str | int] = []
    value: Any = method
    for i, step in enumerate(location):
        inner = _inner(value, step)
        if inner is not None:
            path.append(step)
            (value,) = inner
        elif i == len(location) - 1 and isinstance(value, str) and SHORT_FORMS.get(str(path[-1])) == step:
            break
    return tuple(path), value


def _inner(value: Any, step: str | int) -> tuple[Any] | None:
    """The entry of a mapping or list, if there is one."""
    if isinstance(value, dict):
        return (value[step],) if step in value else None
    if isinstance(value, list | tuple) and isinstance(step, int) and step < len(value):
        return (value[step],)
    return None


def _fields(path: Path, method: dict[str, Any]) -> list[str]:
    if not path:
        return list(Plan.model_fields)
    model = SECTIONS.get(str(path[0]))
    if path[0] == "network":
        network = method["network"]
        deep = network.get("architecture", "deep" if "hidden" in network else "separable") == "deep"
        model = DeepNetwork if deep else SeparableNetwork
    return list(model.model_fields) if model else []


def _suggest(word: str, known: Iterable[str]) -> str | None:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else None


def _requirement(kind: str, context: dict[str, Any], message: str) -> str:
    bounds = {
        "greater_than": ("must be larger than", "gt"),
        "greater_than_equal": ("must be at least", "ge"),
        "less_than": ("must be smaller than", "lt"),
        "less_than_equal": ("must be at most", "le"),
    }
    if kind in bounds:
        words, key = bounds[kind]
        return f"{words} {context[key]:g}"
    if kind.startswith("int"):
        return "must be an integer"
    if kind.startswith("float") or kind == "finite_number":
        return "must be a number"
    if kind.startswith("bool"):
        return "must be true or false"
    if kind.startswith(("model", "dict")):
        return "must be a section of 'key: value' lines"
    if kind.startswith(("tuple", "list")):
        return "must be a list"
    return f"is wrong ({message})"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
