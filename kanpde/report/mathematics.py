"""A problem, and the formula of its solution, as mathematics: plain text, LaTeX and MathML. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape

import sympy as sp
from sympy.printing.mathml import MathMLPresentationPrinter

from kanpde.export import as_tex
from kanpde.problem import order_of_print
from kanpde.problem.marks import read_marks
from kanpde.problem.text import Mapping, Node, Scalar
from kanpde.problem.types import Condition, Problem, Residual, symbol
from kanpde.results import Formula


@dataclass(frozen=True)
class Line:
    """One statement: ``left = right`` (or a chain of relations) with a word before it and a place after it."""

    label: str
    parts: tuple[sp.Basic, ...]
    signs: tuple[str, ...]  # between the parts: "=", "<="
    place: str = ""
    text: str = ""  # as the author wrote it; all there is for an abbreviation

    @property
    def plain(self) -> str:
        """The statement in the problem language."""
        body = self.text or _joined([str(part).replace("**", "^") for part in self.parts], self.signs)
        return f"{body}   {_preposition(self.place)} {self.place}" if self.place else body

    @property
    def latex(self) -> str:
        """The statement in LaTeX."""
        if not self.parts:
            return rf"\texttt{{{_escaped(self.text)}}}"
        if not self.signs:
            return rf"{sp.latex(self.parts[0])} \text{{ {self.label}}}"
        signs = [{"<=": r"\le"}.get(sign, sign) for sign in self.signs]
        place = rf" \quad \text{{{_preposition(self.place)} }} {_latex_place(self.place)}" if self.place else ""
        return _joined([sp.latex(part) for part in self.parts], signs) + place

    @property
    def mathml(self) -> str:
        """The statement in presentation MathML, which browsers draw without help."""
        if not self.signs:
            return f"<math display='block'><mrow>{mathml(self.parts[0])}<mtext> {self.label}</mtext></mrow></math>"
        body = ""
        for part, sign in zip(self.parts, (*self.signs, ""), strict=True):
            shown = {"<=": "≤"}.get(sign, sign)
            body += mathml(part) + (f"<mo>{shown}</mo>" if sign else "")
        place = f"<mspace width='2em'/><mtext>{_preposition(self.place)} {escape(self.place)}</mtext>" if self.place else ""
        return f"<math display='block'><mrow>{body}{place}</mrow></math>"


def _joined(parts: list[str], signs: tuple[str, ...] | list[str]) -> str:
    return "".join(f"{part} {sign} " for part, sign in zip(parts, (*signs, ""), strict=True)).strip()


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "_&%$#{}" else r"\^{}" if c == "^" else c for c in text)


def _preposition(place: str) -> str:
    return "at" if "=" in place else "on"


def _latex_place(place: str) -> str:
    return place if "=" in place else rf"\text{{{place}}}"


def mathml(expression: sp.Basic) -> str:
    """An expression in presentation MathML."""
    return f"<mrow>{_Printer().doprint(expression).replace('&ExponentialE;', 'e').replace('&ImaginaryI;', 'i')}</mrow>"


class _Printer(MathMLPresentationPrinter):  # type: ignore[misc]
    """sympy's MathML with the terms of a sum in reading order."""

    def _as_ordered_terms(self, expr: sp.Expr, order: object = None) -> list[sp.Expr]:
        return order_of_print.terms(expr)


def statements(problem: Problem) -> Iterator[Line]:
    """Everything that the problem says, in the order of a textbook."""
    shape = {} if problem.domain.is_box else _written(problem, "domain")
    for name, (lower, upper) in problem.limits.items():
        if not shape or name in shape:
            yield Line("domain", (lower, symbol(name), upper), ("<=", "<="))
    for name, text in shape.items():
        if name not in problem.limits:
            yield Line("domain", (), (), text=f"{name}: {text}")
    for name in problem.domain.periodic:
        yield Line("periodic", (symbol(name),), (), text=name)
    for equation in problem.equations:
        yield _equation("equation", equation, time=problem.domain.time_axis)
    for condition in problem.conditions:
        for residual in condition.residuals:
            if condition.place.point is not None:
                yield replace(_equation("point", residual, condition.place.text), text="")
            else:
                yield _equation(condition.kind, residual, _place(condition, problem))
    for name, value in problem.constants.items():
        yield Line("where", (name, value), ("=",))
    for name, text in _abbreviations(problem).items():
        yield Line("where", (), (), text=f"{name} = {text}")
    for name, expression in (problem.exact or {}).items():
        yield Line("exact", (symbol(name), expression), ("=",))


def _abbreviations(problem: Problem) -> dict[str, str]:
    """What ``where`` names besides numbers; the equations have it put in already."""
    numbers = {str(name) for name in problem.constants}
    return {name: text for name, text in _written(problem, "where").items() if name not in numbers}


def _written(problem: Problem, section: str) -> dict[str, str]:
    """The names of a section and what stands behind them, as the author wrote it."""
    if not problem.source:
        return {}
    node = read_marks(problem.source, problem.path).get(section)
    named = {key.text.value: value for key, value in node} if isinstance(node, Mapping) else {}
    return {name: text for name, value in named.items() if (text := _plain(value))}


def _plain(node: Node) -> str:
    if isinstance(node, Scalar):
        return str(node.text.value)
    if isinstance(node, Mapping):
        return "{" + ", ".join(f"{key.text.value}: {_plain(value)}" for key, value in node) + "}"
    return "[" + ", ".join(_plain(item) for item in node.items) + "]"


def _equation(label: str, residual: Residual, place: str = "", time: int | None = None) -> Line:
    """Terms with an unknown on the left, the others on the right; in time, its derivatives alone on the left."""
    expression = residual.expression
    unknown = [s for s in expression.free_symbols if s in residual.jets or _normal(s)]
    if time is not None:
        unknown = [s for s, (_, index) in residual.jets.items() if index[time] and expression.has(s)] or unknown
    terms = sp.Add.make_args(sp.expand_mul(expression, deep=False))
    left = [term for term in terms if term.has(*unknown)] if unknown else list(terms)
    right = [-term for term in terms if term not in left]
    return Line(label, (sp.Add(*left), sp.Add(*right)), ("=",), place, residual.text)


def _normal(s: sp.Symbol) -> bool:
    """Whether a symbol is a derivative along the normal, which ``jets`` does not list."""
    name, _, letters = str(s).rpartition("_")
    return bool(name) and bool(letters) and set(letters) == {"n"}


def _place(condition: Condition, problem: Problem) -> str:
    if condition.kind == "initial" and problem.domain.time:
        return f"{problem.domain.time} = {problem.limits[problem.domain.time][0]}"
    if condition.kind == "constraint":
        return ""
    text = condition.place.text
    return {"": "the whole boundary", "boundary": "the whole boundary", "elsewhere": "the rest of the boundary"}.get(text, text)


def as_text(problem: Problem) -> str:
    """The problem as aligned lines of plain text."""
    functions = ", ".join(f"{f.name}({', '.join(f.arguments)})" for f in problem.fields)
    lines = [problem.title] if problem.title else []
    lines.append(f"  {'find':<10}{functions}")
    last = ""
    for line in statements(problem):
        label = line.label if line.label != last else ""
        last = line.label
        lines.append(f"  {label:<9} {line.plain}")
    return "\n".join(lines)


def formula_as_latex(formula: Formula | None) -> str:
    """The formula of a run, with its status as a comment; empty if there is none."""
    if formula is None or not formula.text:
        return ""
    return as_tex(formula).rstrip()


def as_latex(problem: Problem) -> str:
    """The problem as a LaTeX ``align*`` environment."""
    rows = [
        line.latex.replace("=", "&=", 1) if "=" in line.signs else f"& {line.latex}"
        for line in statements(problem)
        if line.parts or line.label == "domain"
    ]
    body = " \\\\\n".join(f"  {row}" for row in rows)
    return f"% {problem.title}\n\\begin{{align*}}\n{body}\n\\end{{align*}}"
