"""Expressions that stand outside a problem file but in its words: a formula read again from a run file.

A formula may be a series, ``sum(sin(n*pi*x)/n, n, 1, infinity)``, which the language of problem files does not have.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp
from lark import Token, Tree
from sympy.core.parameters import distribute

from kanpde.errors import ProblemError
from kanpde.problem.declare import make_scope, read_find
from kanpde.problem.expressions import Builder
from kanpde.problem.reader import Document
from kanpde.problem.region import shape_names
from kanpde.problem.scope import Scope
from kanpde.problem.text import Scalar, Text
from kanpde.problem.types import symbol

INFINITY = sp.Symbol("infinity", integer=True)
"""Stands for the end of a series while it is read: the reader refuses what is infinite."""


def read_expression(text: str, document: Document) -> sp.Expr:
    """An expression in the names of a document: its coordinates, constants and functions. Raises ProblemError."""
    find = document.root.get("find")
    if not isinstance(find, Scalar):
        raise ProblemError("the problem declares no function, so that its formula has no names")
    return _read(text, make_scope(read_find(find.text), document.root.get("where"), shape_names(document.root.get("domain"))))


def read_in_names(text: str, names: Iterable[str]) -> sp.Expr:
    """An expression in names of one's own, such as the columns of a table, without a problem. Raises ProblemError."""
    return _read(text, Scope(letters={name: symbol(name) for name in names}))


def _read(text: str, scope: Scope) -> sp.Expr:
    marks = tuple((1, column) for column in range(1, len(text) + 2))
    with distribute(False):  # 2*(x - t) stays as it is written
        read = _SeriesBuilder(scope, Text(text, marks, "<formula>", text)).scalar_text()
        return read.xreplace({INFINITY: sp.oo}) if read.has(INFINITY) else read


class _SeriesBuilder(Builder):
    """Reads ``sum(term, n, first, last)`` as well."""

    def _build_call(self, tree: Tree[Token]) -> Any:
        name, *arguments = tree.children
        return self._sum(arguments, tree) if str(name) == "sum" else super()._build_call(tree)

    def _sum(self, arguments: list[Any], tree: Tree[Token]) -> sp.Expr:
        self.count(arguments, 4, 4, "sum", tree)
        term, index, first, last = arguments
        name = str(index.children[0]) if isinstance(index, Tree) and index.data == "name" else ""
        if not name or name in self.local or name in self.scope.names():
            raise self.error("the index of a sum is a new name", index, "such as sum(sin(n*x), n, 1, infinity)")
        start = self.scalar(first)
        n = sp.Symbol(name, integer=True, positive=True if start.is_positive else None)
        outside, self.local = self.local, {**self.local, name: n}
        try:
            summand = self.scalar(term)
        finally:
            self.local = outside
        endless = isinstance(last, Tree) and last.data == "name" and str(last.children[0]) == INFINITY.name
        return sp.Sum(summand, (n, start, INFINITY if endless else self.scalar(last)))
