"""The formula that a network of known functions is: composed, its numbers gathered and refined, exact where they can be.

The edges c f(a z + b) + d have more numbers than their composition knows, for every affine map is undone by the next. What stands
together becomes one number, and what the data do not need goes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from kanpde.problem.types import symbol
from kanpde.results.types import Formula
from kanpde.symbolic.data.edges import snap
from kanpde.symbolic.data.gathered import gathered
from kanpde.symbolic.data.judge import Judge, Scatter
from kanpde.symbolic.form import Form, Number, compiled, number

if TYPE_CHECKING:
    from kanpde.kan import KAN

LARGEST = 60
"""Operations of a formula that is written in other ways to see which is shortest; larger ones take sympy too long."""
SAME = 1e-12
"""Of the largest value, by which two ways of writing a formula may differ: rounding."""


def _power(n: int, z: sp.Expr) -> sp.Expr:
    return z**n


EXPRESSIONS: dict[str, Callable[[sp.Expr], sp.Expr]] = {
    "x": lambda z: z,
    **{f"x^{n}": partial(_power, n) for n in (2, 3, 4, 5)},
    "1/x": lambda z: 1 / z,
    **{f"1/x^{n}": partial(_power, -n) for n in (2, 3)},
    "sqrt": sp.sqrt,
    "1/sqrt": lambda z: 1 / sp.sqrt(z),
    **{name: getattr(sp, name) for name in ("exp", "log", "sin", "cos", "tan", "tanh", "sinh", "cosh")},
    **{name: getattr(sp, name) for name in ("asin", "acos", "atan", "asinh", "atanh", "erf", "sign")},
    "abs": sp.Abs,
    "sigmoid": lambda z: 1 / (1 + sp.exp(-z)),
    "gaussian": lambda z: sp.exp(-(z**2)),
}
"""What the functions of ``kanpde.kan.symbolic_edges`` are in mathematics."""


def composed(network: KAN, names: Sequence[str]) -> list[tuple[sp.Expr, tuple[Number, ...]]]:
    """Each output as an expression with open numbers. Raises ValueError if an edge that is alive is no known function."""
    import torch

    nodes: list[sp.Expr] = [symbol(name) for name in names]
    numbers: dict[sp.Symbol, Number] = {}
    with torch.no_grad():
        for n, layer in enumerate(network.stack):
            for group in layer.edges:
                if group.mask is None or bool((group.mask != 0).any()):
                    raise ValueError(f"layer {n} has edges that are splines: replace or prune them first")
            subnodes: list[sp.Expr] = [sp.Integer(0)] * layer.subnodes
            held = layer.symbolic
            entries = [] if held is None else zip(held.functions, held.places.tolist(), held.affine.tolist(), strict=True)
            for function, (i, j), affine in entries:
                a, b, c, d = (number(value) for value in affine)
                numbers |= {one.symbol: one for one in (a, b, c, d)}
                subnodes[j] += c.symbol * EXPRESSIONS[function](a.symbol * nodes[i] + b.symbol) + d.symbol
            factors = [
                subnodes[layer.sums + k * layer.products : layer.sums + (k + 1) * layer.products] for k in range(layer.arity)
            ]
            made = [sp.Mul(*parts) for parts in zip(*factors, strict=True)] if layer.products else []
            nodes = [*subnodes[: layer.sums], *made]
    if network.total:
        run = len(nodes) // network.outputs
        nodes = [sp.Add(*nodes[k * run : (k + 1) * run]) for k in range(network.outputs)]
    return [gathered(node, numbers) for node in nodes]


def formula_of_network(
    network: KAN,
    X: Any,  # (N, d)
    y: Any,  # (N,) or (N, outputs)
    names: Sequence[str],
    targets: Sequence[str],
    noise: float | None = None,
) -> Formula:
    """The formula of a network of known functions, judged by data: "verified numerically", or "not found" with the reason.

    ``noise`` is the root mean square error of y in its units; None takes what a formula leaves if it looks like noise.
    """
    began = time.perf_counter()
    x = np.asarray(X, dtype=float)
    values = np.asarray(y, dtype=float).reshape(len(x), -1)
    try:
        outputs = composed(network, names)
    except ValueError as error:
        return Formula("not found", {}, time.perf_counter() - began, (str(error),), how=str(error), coordinates=tuple(names))
    symbols = tuple(symbol(name) for name in names)
    expressions, lines = {}, []
    for target, column, (expression, numbers) in zip(targets, values.T, outputs, strict=True):
        judge = Judge(Scatter(symbols, x, np.ascontiguousarray(column), noise))
        found = judge.judged(Form(expression, numbers, "network"))
        if found is None:
            why = f"what the network's expression leaves of {target} is no noise"
            return Formula("not found", {}, time.perf_counter() - began, (why,), how=why, coordinates=tuple(names))
        found = snap(found)
        expressions[target] = _plainest(found.at_values, symbols, x)
        lines.append(f"{target}: root mean square misfit {found.rms:.2e} on {len(x)} values")
    seconds = time.perf_counter() - began
    return Formula("verified numerically", expressions, seconds, tuple(lines), how="network", coordinates=tuple(names))


def _plainest(expression: sp.Expr, symbols: Sequence[sp.Symbol], x: np.ndarray) -> sp.Expr:  # (N, d)
    """The same formula in the fewest operations: (x + y/2)^2 - x^2 - y^2/4 is x y, log 2 + log(1 + y/2) is log(2 + y)."""
    if expression.count_ops() > LARGEST:
        return expression
    powers = expression.replace(lambda e: isinstance(e, sp.Add), lambda e: sp.logcombine(e, force=True))
    others = [sp.expand(expression), sp.expand(expression, deep=False), powers.replace(sp.log, lambda z: sp.log(sp.expand(z)))]
    values = compiled(expression, tuple(symbols))(*x.T)
    best = expression
    for other in others:
        same = np.abs(compiled(other, tuple(symbols))(*x.T) - values) <= SAME * np.abs(values).max()
        if other.count_ops() < best.count_ops() and bool(np.all(same)):
            best = other
    return best
