"""From a problem file to a ``Problem``: the sections in the order in which names get their meaning."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sympy as sp

from kanpde.errors import ProblemError, Span
from kanpde.problem.conditions import periodic_axes, read_boundary, read_constraints, read_equations, read_initial
from kanpde.problem.declare import make_scope, read_find
from kanpde.problem.expressions import Builder
from kanpde.problem.marks import read_marks
from kanpde.problem.region import read_domain, read_interval, shape_names
from kanpde.problem.text import Mapping, Node, Scalar, Sequence, suggest
from kanpde.problem.types import Condition, Problem

MATHEMATICS = (
    "title", "find", "domain", "equation", "equations", "where", "initial", "boundary", "constraints", "exact", "data",
)  # fmt: skip
"""The keys that say what is to be solved."""

METHOD = (
    "tolerance", "budget", "network", "train", "polish", "sampling", "reference", "symbolic", "output", "seed",
)  # fmt: skip
"""The keys that say how; ``kanpde.plan`` knows what they mean."""


@dataclass(frozen=True)
class Document:
    """A problem file as read: the problem, and the method part as plain values with its marks."""

    problem: Problem
    method: dict[str, Any]
    root: Mapping

    def span_of(self, path: tuple[str | int, ...], key: bool = False) -> Span:
        """Where a value of the file stands, such as ("network", "degree"), or with ``key`` the word before its colon.

        A path that is not in the file gives the nearest thing around it.
        """
        node: Node = self.root
        span = self.root.span
        for step in path:
            if isinstance(node, Mapping) and isinstance(step, str) and node.get(step) is not None:
                heading = node.key(step)
                node = node.get(step)  # type: ignore[assignment]
                span = heading.span if key and heading is not None or isinstance(node, Mapping) and heading else node.span  # type: ignore[union-attr]
            elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
                node = node.items[step]
                span = node.span
        return span


def read_file(path: str | Path) -> Document:
    """Read and check a problem file."""
    name = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ProblemError(f"there is no file '{name}'") from None
    except IsADirectoryError:
        raise ProblemError(f"'{name}' is a folder and no problem file") from None
    except UnicodeDecodeError as error:
        raise ProblemError(f"'{name}' is not UTF-8 text (byte {error.start})", hint="save it as UTF-8") from None
    except OSError as error:
        raise ProblemError(f"'{name}' cannot be read: {error.strerror}") from None
    return read_text(text, name)


def read_text(text: str, path: str = "<text>") -> Document:
    """Read and check the text of a problem file; ``path`` is what messages call it and where relative files are sought."""
    root = read_marks(text, path)
    _check_keys(root)
    return Document(_problem(root, text, path), {k: v.plain for k in METHOD if (v := root.get(k)) is not None}, root)


def _check_keys(root: Mapping) -> None:
    for key, _ in root:
        name = key.text.value
        if name not in MATHEMATICS + METHOD:
            hint = suggest(name, MATHEMATICS + METHOD) or f"the keys are {', '.join(MATHEMATICS + METHOD)}"
            raise key.error(f"there is no key '{name}'", hint)
    for wanted, example in (("find", "u(x, y)"), ("domain", "an indented line 'x: [0, 1]' for each coordinate")):
        if root.get(wanted) is None:
            raise root.error(f"'{wanted}' is missing", f"write {wanted}: {example}")
    if root.get("equation") is None and root.get("equations") is None:
        raise root.error("'equation' is missing", "write equation: -lap(u) = f")
    if root.get("equation") is not None and root.get("equations") is not None:
        raise root.key("equations").error("'equation' and 'equations' are both given", "they mean the same; give one")  # type: ignore[union-attr]


def _text(node: Node) -> Scalar:
    if not isinstance(node, Scalar):
        raise node.error("a single line is wanted here")
    return node


def _problem(root: Mapping, source: str, path: str) -> Problem:
    find = _text(root.get("find"))  # type: ignore[arg-type]
    declared = read_find(find.text)
    domain_node = root.get("domain")
    scope = make_scope(declared, root.get("where"), shape_names(domain_node))
    periodic = periodic_axes(root.get("boundary"), scope.coordinates, scope.time)
    domain, limits = read_domain(domain_node, scope, periodic)  # type: ignore[arg-type]
    for definition in scope.definitions.values():
        if not definition.arguments:
            Builder(scope, definition.text).definition(definition, definition.tree)
    ranges = _ranges(root.get("where"), scope)
    equations = read_equations(root.get("equation") or root.get("equations"), scope)  # type: ignore[arg-type]
    conditions: tuple[Condition, ...] = ()
    if (initial := root.get("initial")) is not None:
        conditions += read_initial(initial, scope, domain)
    if (boundary := root.get("boundary")) is not None:
        conditions += read_boundary(boundary, scope, domain, limits)
    if (constraints := root.get("constraints")) is not None:
        conditions += read_constraints(constraints, scope)
    title = root.get("title")
    problem = Problem(
        title=str(_text(title).text.value) if title is not None else "",
        fields=declared.fields,
        domain=domain,
        limits=limits,
        equations=equations,
        conditions=conditions,
        constants=scope.constants,
        parameters={name: ranges[name] for name in declared.parameters if name in ranges},
        unknowns={name: ranges.get(name) for name in declared.unknowns},
        source=source,
        path=path,
    )
    exact = root.get("exact")
    if exact is not None:
        problem = replace(problem, exact=_exact(_text(exact), scope))
    return problem


def _ranges(where: Node | None, scope: Any) -> dict[str, tuple[float, float]]:
    found = {}
    for key, value in where if isinstance(where, Mapping) else ():
        if isinstance(value, Sequence):
            low, high = read_interval(value, scope, f"the range of '{key.text.value}'")
            found[key.text.value] = (float(low), float(high))
    return found


def _exact(node: Scalar, scope: Any) -> dict[str, sp.Expr]:
    return {str(r.left_tree.children[0]): r.right for r in Builder(scope, node.text).relations()}  # type: ignore[misc]
