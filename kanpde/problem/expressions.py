"""From syntax trees to sympy, by hand: no text is ever evaluated, every name is looked up, every number is bounded."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from lark import Token, Tree

from kanpde.errors import ProblemError, Span
from kanpde.problem import limits
from kanpde.problem.calculus import Calculus, Vector
from kanpde.problem.functions import COMPLEX_FUNCTIONS, FUNCTIONS, POINT_VALUE, known_functions
from kanpde.problem.operators import OPERATORS
from kanpde.problem.scope import Definition, Scope, Value
from kanpde.problem.syntax import branches, parse, position
from kanpde.problem.text import Text, suggest
from kanpde.problem.types import MultiIndex, symbol

_RELATIONS = {"=": sp.Eq, "==": sp.Eq, "!=": sp.Ne, "<": sp.Lt, "<=": sp.Le, ">": sp.Gt, ">=": sp.Ge}


@dataclass(frozen=True)
class Relation:
    """``left = right``, or another comparison, as it stands under ``equation``, ``boundary``, ``constraints`` or ``exact``."""

    left: Value
    sign: str
    right: Value
    text: str
    span: Span


@dataclass
class Builder:
    """Builds the expressions of one text. ``allow_normal``: on the boundary, where ``u_n`` has a meaning."""

    scope: Scope
    text: Text
    allow_normal: bool = False
    allow_point_values: bool = False
    allow_unknowns: bool = True
    local: dict[str, Value] = field(default_factory=dict)
    """The arguments of a function while it is applied."""

    # ---- whole texts -------------------------------------------------------------------------------------------------

    def expression(self) -> Value:
        """The text as one scalar or vector."""
        return self.value(parse(self.text, "expression"))

    def scalar_text(self) -> sp.Expr:
        """The text as one scalar."""
        return self.scalar(parse(self.text, "expression"))

    def relations(self) -> list[Relation]:
        """The text as equations or comparisons, separated by commas."""
        return [self.relation(child) for child in branches(parse(self.text, "expressions"))]

    def relation(self, tree: Tree[Token]) -> Relation:
        """One equation or comparison."""
        start, end = position(tree)
        if tree.data != "comparison":
            raise self.error("there is no '=' in this equation", tree, "an equation is written left = right, such as u = 0")
        if len(tree.children) > 3:
            raise self.error("an equation has one '='", tree.children[3], "write two equations, separated by a comma")
        left, sign, right = tree.children
        a, b = self.value(left), self.value(right)
        if _length(a) != _length(b):
            raise self.error("the two sides are vectors of different length, or a vector and a number", tree)
        return Relation(a, str(sign), b, self.text.value[start:end], self.text.span(start, end))

    # ---- trees -------------------------------------------------------------------------------------------------------

    def error(self, message: str, at: Tree[Token] | Token, hint: str | None = None) -> ProblemError:
        """An error that points to a tree."""
        return self.text.error(message, *position(at), hint=hint)

    def scalar(self, tree: Any) -> sp.Expr:
        """A tree that must be a number, not a vector and not a comparison."""
        value = self._any(tree)
        if isinstance(value, Vector):
            raise self.error("a vector stands where a number is wanted", tree, "dot(a, b) multiplies vectors, div(a) is a number")
        if not isinstance(value, sp.Expr):
            raise self.error("a comparison stands where a number is wanted", tree, "cases are written piecewise(x < 0, a, b)")
        return value

    def value(self, tree: Any) -> Value:
        """A tree that must be a number or a vector."""
        value = self._any(tree)
        return value if isinstance(value, Vector) else self.scalar(tree) if not isinstance(value, sp.Expr) else value

    def vector(self, tree: Any) -> Vector:
        """A tree that must be a vector with one entry for each space coordinate."""
        value = self._any(tree)
        if not isinstance(value, Vector):
            raise self.error("a vector is wanted here", tree, "vectors are written [a, b] or grad(u)")
        return value

    def predicate(self, tree: Any) -> Any:
        """A tree that must be a comparison, or several joined by and, or, not."""
        value = self._any(tree)
        if isinstance(value, sp.Expr | Vector) and not isinstance(value, sp.logic.boolalg.Boolean):
            raise self.error("a comparison is wanted here", tree, "such as x < 0")
        if isinstance(value, sp.Symbol) and not value.name.startswith("inside("):
            raise self.error("a comparison is wanted here", tree, "such as x < 0")
        return value

    def _any(self, tree: Any) -> Any:
        if not isinstance(tree, Tree):
            raise self.text.error("this cannot be read", *position(tree))
        value = getattr(self, f"_build_{tree.data}")(tree)
        if isinstance(value, sp.Expr):
            problem = limits.check(value, real=not self.scope.complex)
            if problem:
                raise self.error(problem, tree)
        return value

    def _build_number(self, tree: Tree[Token]) -> sp.Expr:
        digits = str(tree.children[0])
        mantissa, _, exponent = digits.lower().partition("e")
        if len(mantissa) > 60 or len(exponent) > 5 or abs(int(exponent or 0)) > 300:
            raise self.error("the number is too long or too large", tree)
        return sp.Rational(digits)

    def _build_name(self, tree: Tree[Token]) -> Any:
        name = str(tree.children[0])
        scope = self.scope
        start, end = position(tree)
        if name in self.local:
            return self.local[name]
        if name in scope.fields:
            self._refuse_unknown(name, tree)
            return scope.jet(name, scope.zero())
        if name in scope.letters:
            return scope.letters[name]
        if name in scope.coordinates:
            return symbol(name)
        if name in scope.definitions:
            return self.definition(scope.definitions[name], tree)
        if name in scope.measured:
            return scope.jet(name, scope.zero())
        if name == "pi":
            return sp.pi
        if name == "i" and scope.complex:
            return sp.I
        derivative = scope.subscript(name, self.text, start, self.allow_normal)
        if derivative is not None:
            return self._derivative(*derivative, tree)
        hint = suggest(name, [*scope.names(), *self.local])
        if "_" in name.strip("_"):
            letters = name.rpartition("_")[2]
            hint = suggest(name, [f"{stem}_{letters}" for stem in scope.fields]) or hint
        if name in known_functions():
            raise self.error(f"the function '{name}' needs its argument", tree, f"write {name}(...)")
        if name == "e":
            hint = "Euler's number is exp(1)"
        if name == "i":
            hint = "declare the field complex to use the imaginary unit: find: psi(x, t) complex"
        if hint is None:
            hint = f"name it under 'where', as '{name}: ...'"
            if len(name) == 1 and scope.coordinates:
                hint = f"the coordinates are {', '.join(scope.coordinates)}; for anything else, {hint}"
        raise self.text.error(f"'{name}' is not known", start, end, hint)

    def _refuse_unknown(self, name: str, tree: Tree[Token]) -> None:
        if not self.allow_unknowns:
            raise self.error(f"the unknown '{name}' cannot stand here", tree, "only coordinates and named constants can")

    def _derivative(self, stem: str, index: Any, tree: Tree[Token]) -> sp.Expr:
        scope = self.scope
        if stem in scope.fields:
            self._refuse_unknown(stem, tree)
            return scope.normal(stem, index) if isinstance(index, int) else scope.jet(stem, index)
        if stem in scope.measured:
            return scope.jet(stem, index)
        value = self.definition(scope.definitions[stem], tree)
        if isinstance(value, Vector):
            raise self.error(f"'{stem}' is a vector: write d({stem}, x)", tree)
        return self.formula(lambda: self.calculus().power(value, index), tree)

    def definition(self, definition: Definition, at: Tree[Token]) -> Value:
        """What an entry of ``where`` stands for, with everything in it expanded; a plain number is its own letter."""
        if definition.arguments:
            raise self.error(f"the function '{definition.name}' needs its argument", at, f"write {definition.name}(...)")
        if definition.value is None:
            if definition.open:
                raise self.error(f"'{definition.name}' is defined by itself", at)
            definition.open = True
            builder = Builder(self.scope, definition.text, allow_normal=True)
            value = builder.value(definition.tree)
            definition.open = False
            if isinstance(value, sp.Expr) and not _names(definition.tree):
                letter = symbol(definition.name)
                self.scope.letters[definition.name] = letter
                self.scope.constants[letter] = value
                value = letter
            definition.value = value
        self._check_use(definition, at)
        return definition.value

    def _check_use(self, definition: Definition, at: Tree[Token]) -> None:
        """An abbreviation may hold unknowns and normal derivatives, but not where these cannot stand."""
        used = definition.value.free_symbols if definition.value is not None else set()
        unknown = {s for s, (name, _) in self.scope.jets.items() if name in self.scope.fields} | set(self.scope.normals)
        if not self.allow_unknowns and used & unknown:
            raise self.error(f"'{definition.name}' contains an unknown, which cannot stand here", at)
        if not self.allow_normal and used & set(self.scope.normals):
            raise self.error(f"'{definition.name}' contains a derivative along the normal, which only the boundary has", at)

    def calculus(self) -> Calculus:
        """The differential operators in this problem's coordinates."""
        scope = self.scope
        if scope.ledger is not None:
            return scope.ledger
        space = tuple(scope.coordinates.index(name) for name in scope.space)
        symbols = tuple(symbol(name) for name in scope.coordinates)
        return Calculus(symbols, space, scope.jets, scope.jet, frozenset(scope.normals))

    def formula(self, make: Any, tree: Tree[Token]) -> Any:
        """Run a differential operator, and say where if there is no such derivative."""
        try:
            return make()
        except ValueError as error:
            raise self.error(str(error), tree) from None

    def _build_sum(self, tree: Tree[Token]) -> Any:
        first, *rest = tree.children
        terms = [self.value(first)]
        for sign, child in zip(rest[::2], rest[1::2], strict=True):
            term = self.value(child)
            terms.append(term if sign == "+" else _negative(term))
        if not any(isinstance(term, Vector) for term in terms):
            return sp.Add(*terms)
        vectors = [term for term in terms if isinstance(term, Vector)]
        if len(vectors) < len(terms) or len({len(v.entries) for v in vectors}) > 1:
            raise self.error("only vectors of the same length can be added", tree)
        return Vector(tuple(sp.Add(*parts) for parts in zip(*(v.entries for v in vectors), strict=True)))

    def _build_sign(self, tree: Tree[Token]) -> Any:
        sign, child = tree.children
        value = self.value(child)
        return value if sign == "+" else _negative(value)

    def _build_product(self, tree: Tree[Token]) -> Any:
        first, *rest = tree.children
        factors = [self.value(first)]
        for sign, child in zip(rest[::2], rest[1::2], strict=True):
            factor = self.value(child)
            if sign == "/":
                if isinstance(factor, Vector):
                    raise self.error("nothing can be divided by a vector", child)
                if factor.is_zero:
                    raise self.error("division by zero", child)
                factor = 1 / factor
            factors.append(factor)
        vectors = [factor for factor in factors if isinstance(factor, Vector)]
        scalars = [factor for factor in factors if isinstance(factor, sp.Expr)]
        if sum(limits.bits(s) for s in scalars) > limits.MAX_BITS:
            raise self.error("the number is too large", tree)
        if len(vectors) > 1:
            raise self.error("two vectors are multiplied", tree, "write dot(a, b)")
        product = sp.Mul(*scalars)
        return vectors[0].map(lambda e: product * e) if vectors else product

    def _build_power(self, tree: Tree[Token]) -> sp.Expr:
        base, exponent = (self.scalar(child) for child in tree.children)
        if base.is_zero and not exponent.is_positive:
            raise self.error("division by zero", tree)
        problem = limits.check_power(base, exponent)
        if problem:
            raise self.error(problem, tree)
        return sp.Pow(base, exponent)

    def _build_vector(self, tree: Tree[Token]) -> Vector:
        return Vector(tuple(self.scalar(child) for child in tree.children))

    def _build_comparison(self, tree: Tree[Token]) -> Any:
        operands = [self.scalar(child) for child in tree.children[::2]]
        signs = [str(sign) for sign in tree.children[1::2]]
        return sp.And(*(_RELATIONS[s](a, b) for s, a, b in zip(signs, operands, operands[1:], strict=False)))

    def _build_disjunction(self, tree: Tree[Token]) -> Any:
        return sp.Or(*(self.predicate(child) for child in tree.children))

    def _build_conjunction(self, tree: Tree[Token]) -> Any:
        return sp.And(*(self.predicate(child) for child in tree.children))

    def _build_negated(self, tree: Tree[Token]) -> Any:
        return sp.Not(self.predicate(tree.children[0]))

    # ---- calls -------------------------------------------------------------------------------------------------------

    def _build_call(self, tree: Tree[Token]) -> Any:
        name, *arguments = tree.children
        if str(name) in self.scope.fields:
            return self._point_value(str(name), self.scope.zero(), arguments, tree)
        definition = self.scope.definitions.get(str(name))
        if definition and (definition.arguments or str(name) not in known_functions()):
            return self._apply(definition, arguments, tree)
        if str(name) in OPERATORS:
            return OPERATORS[str(name)](self, arguments, tree)
        functions = {**FUNCTIONS, **COMPLEX_FUNCTIONS} if self.scope.complex else FUNCTIONS
        if str(name) not in functions:
            if self.allow_point_values and str(name).rpartition("_")[0] in self.scope.fields:
                partial = self.scope.subscript(str(name), self.text, position(tree)[0], False)
                stem, index = partial or ("", 0)
                if not isinstance(index, int):
                    return self._point_value(stem, index, arguments, tree)
            raise self._unknown_function(str(name), tree)
        function, least, most = functions[str(name)]
        self.count(arguments, least, most, str(name), tree)
        values = [self.scalar(argument) for argument in arguments]
        problem = limits.check_call(str(name), values)
        if problem:
            raise self.error(problem, tree)
        return function(*values)

    def _unknown_function(self, name: str, tree: Tree[Token]) -> ProblemError:
        start, _ = position(tree)
        end = start + len(name)
        if name in COMPLEX_FUNCTIONS:
            hint: str | None = "declare the field complex: find: psi(x, t) complex"
        elif name in {*self.scope.letters, *self.scope.coordinates, *self.scope.measured, "pi"} or (
            self.scope.subscript(name, self.text, start, True) is not None
        ):
            return self.text.error(f"'{name}' is no function", start, end, f"multiplication is written {name}*(...)")
        else:
            hint = suggest(name, [*known_functions(), *self.scope.definitions]) or "functions of your own are named under 'where'"
        return self.text.error(f"there is no function '{name}'", start, end, hint)

    def count(self, arguments: list[Any], least: int, most: int, name: str, tree: Tree[Token]) -> None:
        """Raise ProblemError for too few or too many arguments."""
        if not least <= len(arguments) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise self.error(f"'{name}' takes {wanted} argument{'s' * (wanted != '1')}, not {len(arguments)}", tree)

    def _apply(self, definition: Definition, arguments: list[Any], tree: Tree[Token]) -> Any:
        name = definition.name
        if not definition.arguments:
            hint = f"multiplication is written {name}*(...); a function is defined as '{name}(s): ...'"
            raise self.error(f"'{name}' is no function", tree, hint)
        self.count(arguments, len(definition.arguments), len(definition.arguments), name, tree)
        if definition.open:
            raise self.error(f"'{name}' is defined by itself", tree)
        values = [self.value(argument) for argument in arguments]
        definition.open = True
        local = dict(zip(definition.arguments, values, strict=True))
        builder = Builder(self.scope, definition.text, self.allow_normal, allow_unknowns=self.allow_unknowns, local=local)
        result = builder.value(definition.tree)
        definition.open = False
        return result

    def _point_value(self, name: str, index: MultiIndex, arguments: list[Any], tree: Tree[Token]) -> sp.Expr:
        self._refuse_unknown(name, tree)
        wanted = self.scope.fields[name].arguments
        if not self.allow_point_values:
            hint = f"the field is written {name}; values at points stand under 'constraints'"
            if [str(a.children[0]) for a in arguments if a.data == "name"] == list(wanted):
                hint = f"write {name}, without its arguments"
            raise self.error("the value at a point cannot stand here", tree, hint)
        self.count(arguments, len(wanted), len(wanted), name, tree)
        return POINT_VALUE(self.scope.jet(name, index), *(self.scalar(a) for a in arguments))


def _length(value: Value) -> int:
    return len(value.entries) if isinstance(value, Vector) else 0


def _negative(value: Value) -> Value:
    return value.map(operator.neg) if isinstance(value, Vector) else -value


def _names(tree: Tree[Token]) -> set[str]:
    """The names that a tree uses, pi and function names apart."""
    return {str(node.children[0]) for node in tree.iter_subtrees() if node.data == "name"} - {"pi"}
