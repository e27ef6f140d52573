"""Expressions that stand outside a problem file but in its words: a formula read again from a run file."""

from __future__ import annotations

import sympy as sp

from kanpde.errors import ProblemError
from kanpde.problem.declare import make_scope, read_find
from kanpde.problem.expressions import Builder
from kanpde.problem.reader import Document
from kanpde.problem.region import shape_names
from kanpde.problem.text import Scalar, Text


def read_expression(text: str, document: Document) -> sp.Expr:
    """An expression in the names of a document: its coordinates, constants and functions. Raises ProblemError."""
    find = document.root.get("find")
    if not isinstance(find, Scalar):
        raise ProblemError("the problem declares no function, so that its formula has no names")
    scope = make_scope(read_find(find.text), document.root.get("where"), shape_names(document.root.get("domain")))
    marks = tuple((1, column) for column in range(1, len(text) + 2))
    return Builder(scope, Text(text, marks, "<formula>", text)).scalar_text()
