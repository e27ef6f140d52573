"""From a problem file to a ``Problem``: the sections in the order in which names get their meaning."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kanpde.errors import ProblemError, Span
from kanpde.geometry import Domain
from kanpde.problem.conditions import periodic_axes, read_boundary, read_equations, read_initial
from kanpde.problem.constraints import read_constraints
from kanpde.problem.data import check_measured, read_data
from kanpde.problem.declare import make_scope, read_find
from kanpde.problem.exact import prove, read_exact
from kanpde.problem.expressions import Builder
from kanpde.problem.fluxes import with_fluxes
from kanpde.problem.marks import read_marks
from kanpde.problem.orders import field_orders
from kanpde.problem.outline import Outlines
from kanpde.problem.places import Limits
from kanpde.problem.region import read_domain, read_interval, shape_names, without_effect
from kanpde.problem.scope import Scope
from kanpde.problem.text import Mapping, Node, Scalar, Sequence, suggest
from kanpde.problem.types import Condition, Problem
from kanpde.problem.unsolved import unsolved
from kanpde.problem.wellposed import check

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

    @classmethod
    def of(cls, problem: Problem) -> Document:
        """A problem that is there already, with an empty method part."""
        empty = Mapping((), Span(problem.path, 1, 1, 1, problem.source))
        return cls(problem, {}, read_marks(problem.source, problem.path) if problem.source else empty)

    def span_of(self, path: tuple[str | int, ...], key: bool = False) -> Span | None:
        """Where a value of the file stands, such as ("network", "degree"), or with ``key`` the word before its colon.

        None for what the file does not say.
        """
        node: Node = self.root
        span = self.root.span
        for step in path:
            inner: Node | None = None
            if isinstance(node, Mapping) and isinstance(step, str):
                inner, heading = node.get(step), node.key(step)
            elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
                inner, heading = node.items[step], None
            elif isinstance(node, Scalar):
                return node.span  # a section written as a single word
            if inner is None:
                return None
            node = inner
            span = heading.span if heading is not None and (key or isinstance(node, Mapping)) else node.span
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


def read_text(text: str, path: str = "<text>", outlines: Outlines | None = None) -> Document:
    """Read and check the text of a problem file; ``path`` is what messages call it and where relative files are sought.

    ``outlines`` gives the corners of outlines by the name of their file, which then need not be there any more.
    """
    root = read_marks(text, path)
    _check_keys(root)
    document = Document(
        _problem(root, text, path, outlines or {}), {k: v.plain for k in METHOD if (v := root.get(k)) is not None}, root
    )
    network = document.method.get("network")
    if isinstance(network, dict) and type(degree := network.get("degree")) is int:
        check_degree(document.problem, degree, document.span_of(("network", "degree")))
    return document


def _refuse_empty(node: Node) -> None:
    """Every key has a value; an empty one is a line that was forgotten, or whose value is not indented."""
    for key, value in node if isinstance(node, Mapping) else ():
        if isinstance(value, Scalar) and not value.text.value.strip():
            raise key.error(
                f"'{key.text.value}' has no value", "every entry is written 'key: value'; what belongs to a key is indented"
            )
        _refuse_empty(value)


def _check_keys(root: Mapping) -> None:
    for key, _ in root:
        name = key.text.value
        if name not in MATHEMATICS + METHOD:
            hint = suggest(name, MATHEMATICS + METHOD) or f"the keys are {', '.join(MATHEMATICS + METHOD)}"
            raise key.error(f"there is no key '{name}'", hint)
    _refuse_empty(root)
    for wanted, example in (("find", "u(x, y)"), ("domain", "an indented line 'x: [0, 1]' for each coordinate")):
        if root.get(wanted) is None:
            raise root.error(f"'{wanted}' is missing", f"write {wanted}: {example}")
    if root.get("equation") is None and root.get("equations") is None:
        raise root.error("'equation' is missing", "write equation: -lap(u) = f")
    second = root.key("equations")
    if root.get("equation") is not None and second is not None:
        raise second.error("'equation' and 'equations' are both given", "they mean the same; give one")


def _text(node: Node | None, hint: str | None = None) -> Scalar:
    assert node is not None
    if not isinstance(node, Scalar):
        raise node.error("a single line is wanted here", hint)
    return node


def _problem(root: Mapping, source: str, path: str, outlines: Outlines) -> Problem:
    find = _text(root.get("find"), "without brackets: find: u(x, t), v(x, t)")
    declared = read_find(find.text)
    regions = root.get("domain")
    where = root.get("where")
    assert regions is not None
    scope = make_scope(declared, where, shape_names(regions))
    scope.outlines = outlines
    remarks = check_measured(where, scope, path)
    periodic = periodic_axes(root.get("boundary"), scope.coordinates, scope.time)
    domain, limits = read_domain(regions, scope, periodic)
    remarks += without_effect(domain, regions)
    for definition in scope.definitions.values():
        if not definition.arguments:
            Builder(scope, definition.text, allow_normal=True).definition(definition, definition.tree)
    ranges = _ranges(where, scope)
    for name, at in declared.parameters.items():
        if name not in ranges:
            raise find.text.error(f"the parameter '{name}' has no range", *at, hint=f"add '{name}: [0.1, 1]' under 'where'")
    section = _first(root, "equation", "equations")
    equations = read_equations(section, scope)
    problem = Problem(
        title=_text(title).text.value if (title := root.get("title")) is not None else "",
        fields=declared.fields,
        domain=domain,
        limits=limits,
        equations=with_fluxes(equations, section, scope),
        conditions=_conditions(root, scope, domain, limits),
        constants=scope.constants,
        parameters={name: ranges[name] for name in declared.parameters},
        unknowns={name: ranges.get(name) for name in declared.unknowns},
        source=source,
        path=path,
    )
    if (data := root.get("data")) is not None:
        measured, more = read_data(data, scope, path)
        problem, remarks = replace(problem, data=measured), remarks + more
    remarks += check(problem, root)
    if (exact := root.get("exact")) is not None:
        problem = replace(problem, exact=read_exact(_text(exact).text, scope))
        remarks += prove(problem, _text(exact).text)
    remarks += unsolved(problem, scope, root)
    return replace(problem, remarks=remarks)


def _conditions(root: Mapping, scope: Scope, domain: Domain, limits: Limits) -> tuple[Condition, ...]:
    conditions: tuple[Condition, ...] = ()
    if (initial := root.get("initial")) is not None:
        conditions += read_initial(initial, scope, domain)
    if (boundary := root.get("boundary")) is not None:
        conditions += read_boundary(boundary, scope, domain, limits)
    if (constraints := root.get("constraints")) is not None:
        conditions += read_constraints(constraints, scope, domain)
    return conditions


def _first(root: Mapping, *names: str) -> Node:
    return next(node for name in names if (node := root.get(name)) is not None)


def _ranges(where: Node | None, scope: Scope) -> dict[str, tuple[float, float]]:
    found = {}
    for key, value in where if isinstance(where, Mapping) else ():
        if isinstance(value, Sequence):
            low, high = read_interval(value, scope, f"the range of '{key.text.value}'")
            found[key.text.value] = (float(low), float(high))
    return found


def check_degree(problem: Problem, degree: int, span: Span | None = None) -> None:
    """Raise ProblemError if splines of this degree are too rough for the order of the equations."""
    orders = {
        (name, axis): order for axis in range(problem.domain.dimension) for name, order in field_orders(problem, axis).items()
    }
    (name, axis), order = max(orders.items(), key=lambda item: item[1])
    if degree > order:
        return
    letter = f"{name}_{problem.coordinates[axis] * (degree - 1)}" if degree > 1 else name
    needed = f"an equation of order {order} needs degree >= {order + 1} (network.degree)"
    raise ProblemError(f"degree {degree} gives a piecewise linear {letter}; {needed}", span)
