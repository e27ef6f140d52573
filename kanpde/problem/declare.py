"""The declarations of a problem file: ``find`` and ``where``, which give names their meaning."""

from __future__ import annotations

from dataclasses import dataclass

from lark import Token, Tree

from kanpde.problem.functions import known_functions
from kanpde.problem.scope import Definition, Scope
from kanpde.problem.syntax import branches, parse, position
from kanpde.problem.text import Mapping, Node, Scalar, Sequence, Text, suggest
from kanpde.problem.types import NORMAL, Field, symbol

TIME = "t"
"""The coordinate that is time, wherever it occurs."""


@dataclass(frozen=True)
class Declared:
    """What ``find`` declares: fields, and unknown constants with the place of their names."""

    fields: tuple[Field, ...]
    unknowns: dict[str, tuple[int, int]]
    parameters: dict[str, tuple[int, int]]
    coordinates: tuple[str, ...]
    spans: dict[str, tuple[int, int]]


def read_find(text: Text) -> Declared:
    """``u(x, t; nu), psi(x, t) complex, lambda``."""
    fields: list[Field] = []
    unknowns: dict[str, tuple[int, int]] = {}
    parameters: dict[str, tuple[int, int]] = {}
    coordinates: dict[str, tuple[int, int]] = {}
    spans: dict[str, tuple[int, int]] = {}
    for declaration in branches(parse(text, "find")):
        name, *rest = declaration.children
        assert isinstance(name, Token)
        groups = {child.data: child.children for child in rest if isinstance(child, Tree)}
        _check_name(name, text, [*spans, *coordinates, *parameters])
        spans[str(name)] = position(name)
        if "arguments" not in groups:
            unknowns[str(name)] = position(name)
            continue
        arguments = [token for token in groups["arguments"] if isinstance(token, Token)]
        for token in arguments:
            _check_coordinate(token, text)
            coordinates.setdefault(str(token), position(token))
        if len(set(arguments)) < len(arguments):
            raise text.error(f"a coordinate of '{name}' is given twice", *position(name))
        own = [token for token in groups.get("parameters", []) if isinstance(token, Token)]
        for token in own:
            _check_name(token, text, [*arguments])
            parameters.setdefault(str(token), position(token))
        is_complex = any(isinstance(child, Token) and child.type == "COMPLEX" for child in rest)
        fields.append(Field(str(name), tuple(map(str, arguments)), tuple(map(str, own)), is_complex))
    if not fields:
        raise text.error("no unknown function is declared", hint="write find: u(x, y), with its coordinates")
    for name_text in (set(coordinates) | set(parameters)) & set(spans):
        raise text.error(f"'{name_text}' is both an unknown and a coordinate or parameter", *spans[name_text])
    for name_text, at in [*spans.items(), *parameters.items()]:
        stem, _, letters = name_text.rpartition("_")
        if stem in spans and set(letters) <= {NORMAL, *coordinates}:
            raise text.error(f"'{name_text}' is a derivative of '{stem}'", *at, hint="take another name")
    return Declared(tuple(fields), unknowns, parameters, tuple(coordinates), spans)


def _check_name(name: Token, text: Text, taken: list[str]) -> None:
    if str(name) in taken:
        raise text.error(f"'{name}' is declared twice", *position(name))
    if str(name) in ("pi", "and", "or", "not", "elsewhere", "periodic") or str(name) in known_functions():
        raise text.error(f"'{name}' has a meaning of its own and cannot be declared", *position(name))


def _check_coordinate(name: Token, text: Text) -> None:
    if len(name) != 1 or not name.isalpha():
        raise text.error(f"the coordinate '{name}' is no single letter", *position(name), hint="so that u_xxt is plain")
    if str(name) == NORMAL:
        raise text.error("'n' is the normal and no coordinate", *position(name), hint="take another letter")


def make_scope(declared: Declared, where: Node | None, shapes: tuple[str, ...]) -> Scope:
    """The scope of a problem, with the entries of ``where`` parsed but not yet expanded."""
    scope = Scope(
        coordinates=declared.coordinates,
        time=TIME if TIME in declared.coordinates else None,
        fields={f.name: f for f in declared.fields},
        shapes=shapes,
    )
    for name in (*declared.unknowns, *declared.parameters):
        scope.letters[name] = symbol(name)
    if where is None:
        return scope
    if not isinstance(where, Mapping):
        raise where.error("'where' names constants and functions", "write an indented line 'nu: 0.01/pi' for each")
    for key, value in where:
        _define(scope, key, value, declared)
    return scope


def _define(scope: Scope, key: Scalar, value: Node, declared: Declared) -> None:
    name, arguments = _heading(key)
    text = key.text
    taken = [*scope.fields, *scope.coordinates, "pi"]
    if name in taken:
        raise text.error(f"'{name}' has a meaning already", 0, len(name), "take another name under 'where'")
    if name == "i" and scope.complex:
        raise text.error("'i' is the imaginary unit here", hint="take another name under 'where'")
    stem, _, letters = name.rpartition("_")
    if stem in scope.fields and set(letters) <= {NORMAL, *scope.coordinates}:
        raise text.error(f"'{name}' is a derivative of '{stem}'", 0, len(name), "take another name")
    if isinstance(value, Mapping):
        _measured(scope, key, value)
        return
    if isinstance(value, Sequence):
        if name not in scope.letters:
            fields = ", ".join(f"{f.name}({', '.join(f.arguments)})" for f in declared.fields)
            first = declared.fields[0]
            hint = (
                f"write find: {fields}, {name} for an unknown constant, or "
                f"{first.name}({', '.join(first.arguments)}; {name}) for a parameter"
            )
            raise text.error(f"'{name}' has a range, but 'find' does not name it", hint=hint)
        return
    if name in scope.letters:
        raise value.text.error(f"'{name}' is declared under 'find': it has a range and no value", hint=f"write {name}: [0.1, 1]")
    scope.definitions[name] = Definition(name, arguments, value.text, parse(value.text))


def _heading(key: Scalar) -> tuple[str, tuple[str, ...]]:
    """``f`` or ``k(s)``."""
    tree = parse(key.text)
    names: list[str] = []
    if tree.data in ("name", "call"):
        names = [str(tree.children[0])]
        for child in tree.children[1:]:
            if not isinstance(child, Tree) or child.data != "name":
                names = []
                break
            names.append(str(child.children[0]))
    if not names:
        raise key.text.error("a name is wanted here", hint="such as 'nu: 0.01/pi', or 'k(s): 1 + s^2' for a function")
    return names[0], tuple(names[1:])


def _measured(scope: Scope, key: Scalar, value: Mapping) -> None:
    for entry, _ in value:
        if entry.text.value not in ("file", "interpolation"):
            hint = suggest(entry.text.value, ("file", "interpolation"))
            raise entry.text.error(f"'{entry.text.value}' is no key of a measured field", hint=hint)
    if not isinstance(value.get("file"), Scalar):
        raise key.text.error(f"the measured field '{key.text.value}' names no file", hint="write {file: data/k.csv}")
    scope.measured[key.text.value] = scope.coordinates
