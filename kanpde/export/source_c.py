"""A network as C99: static tables, a function for each output, nothing but math.h, no memory taken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kanpde.export.source import Pieces, PlainEdge, PlainNetwork, Series, plain
from kanpde.export.source_numpy import Arrays
from kanpde.kan import KAN
from kanpde.results.c_source import c_name, comment

FUNCTIONS = {
    "x": "{}", "identity": "{}", **{f"x^{n}": f"pow({{}}, {n}.0)" for n in (2, 3, 4, 5)},
    "1/x": "(1.0/{})", "1/x^2": "pow({}, -2.0)", "1/x^3": "pow({}, -3.0)", "1/sqrt": "(1.0/sqrt{})", "abs": "fabs{}",
    **{name: f"{name}{{}}" for name in ("sqrt", "exp", "log", "sin", "cos", "tan", "tanh", "sinh", "cosh", "erf")},
    **{name: f"{name}{{}}" for name in ("asin", "acos", "atan", "asinh", "atanh")},
    "gaussian": "exp(-pow({}, 2.0))", "sigmoid": "(0.5*(1.0 + tanh(0.5*{})))", "silu": "silu{}", "sign": "sign{}",
}  # fmt: skip
"""Every function of an edge in C; the braces stand for its argument in brackets."""

_HELPERS = {
    "spline": """static double spline(double z, int pieces, const double *breaks, int degree, const double *rows)
{
    int low = 0, high = pieces - 1, q;
    double t, value;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (z < breaks[middle]) high = middle - 1; else low = middle;
    }
    t = (z - breaks[low]) / (breaks[low + 1] - breaks[low]);
    rows += (degree + 1) * low;
    value = rows[degree];
    for (q = degree - 1; q >= 0; q--) value = value * t + rows[q];
    return value;
}
""",
    "series": """static double series(double z, double lower, double upper, int size, const double *coefficients)
{
    double t = (2.0 * z - lower - upper) / (upper - lower), one = 0.0, two = 0.0;
    int n;
    for (n = size - 1; n > 0; n--) {
        double next = coefficients[n] + 2.0 * t * one - two;
        two = one;
        one = next;
    }
    return coefficients[0] + t * one - two;
}
""",
    "silu": "static double silu(double z) { return 0.5 * z * (1.0 + tanh(0.5 * z)); }\n",
    "sign": "static double sign(double z) { return (double)((z > 0) - (z < 0)); }\n",
}


def network_c(network: KAN, names: Sequence[str], targets: Sequence[str], said: str = "") -> str:
    """The source: ``void network(const double x[], double y[])`` and a function for each target, of the inputs by name.

    ``said`` goes into the comment at the top. Raises UnsupportedProblem for what cannot be written down (``plain``).
    """
    net = plain(network)
    arrays = Arrays()
    body = _body(net, arrays)
    text = "\n".join(body)
    shape = " -> ".join(str(w) for w in (net.inputs, *(layer.sums + layer.products for layer in net.layers)))
    heading = f"{', '.join(targets)} of {', '.join(names)}: a Kolmogorov-Arnold network, {shape}. {said}".strip()
    lines = [*comment(heading), "#include <math.h>", ""]
    lines += [f"static const double {name}[{values.size}] = {{{_literal(values)}}};" for name, values in arrays.named()]
    lines += [f"\n{_HELPERS[name]}" for name in _HELPERS if f"{name}(" in text]
    lines += ["void network(const double *x, double *y);", "void network(const double *x, double *y)", "{", *body, "}"]
    for k, target in enumerate(targets):
        arguments = ", ".join(f"double {c_name(name)}" for name in names)
        head = f"double {c_name(target)}({arguments})"
        values = ", ".join(c_name(name) for name in names)
        lines += ["", f"{head};", head, "{", f"    double kan_x[{net.inputs}], kan_y[{net.outputs}];"]
        lines += [f"    kan_x[{i}] = {value.strip()};" for i, value in enumerate(values.split(","))]
        lines += ["    network(kan_x, kan_y);", f"    return kan_y[{k}];", "}"]
    return "\n".join(lines) + "\n"


def _literal(values: np.ndarray) -> str:
    numbers = [repr(float(v)) for v in values.ravel()]
    rows = [", ".join(numbers[n : n + 5]) for n in range(0, len(numbers), 5)]
    return ("\n    " if len(rows) > 1 else "") + ",\n    ".join(rows)


def _body(net: PlainNetwork, arrays: Arrays) -> list[str]:
    """The lines from x to y, a variable for every node."""
    lines = []
    node = [f"x[{i}]" for i in range(net.inputs)]
    for depth, layer in enumerate(net.layers, 1):
        sums = []
        for j in range(layer.subnodes):
            terms = [_term(edge, node[edge.source], arrays) for edge in layer.edges if edge.target == j]
            sums.append("\n        + ".join(terms) or "0.0")
        values = sums[: layer.sums]
        for p in range(layer.products):
            factors = [sums[layer.sums + k * layer.products + p] for k in range(layer.arity)]
            values.append(" * ".join(f"({f})" for f in factors))
        used = {e.source for e in net.layers[depth].edges} if depth < len(net.layers) else set(range(len(values)))
        lines += [f"    const double n{depth}_{j} = {value};" for j, value in enumerate(values) if j in used]
        node = [f"n{depth}_{j}" for j in range(len(values))]
    run = len(node) // net.outputs
    lines += [f"    y[{k}] = {' + '.join(node[k * run : (k + 1) * run])};" for k in range(net.outputs)]
    inputs = {e.source for e in net.layers[0].edges}
    return lines if inputs else ["    (void)x;", *lines]


def _term(edge: PlainEdge, node: str, arrays: Arrays) -> str:
    one = edge.function
    if isinstance(one, Pieces):
        pieces, powers = one.rows.shape
        return f"spline({node}, {pieces}, {arrays.name(one.breaks)}, {powers - 1}, {arrays.name(one.rows)})"
    if isinstance(one, Series):
        return f"series({node}, {one.lower!r}, {one.upper!r}, {len(one.coefficients)}, {arrays.name(one.coefficients)})"
    a, b, c, d = one.affine
    inner = node if (a, b) == (1.0, 0.0) else f"{a!r} * {node} + {b!r}"
    value = FUNCTIONS[one.function].format(f"({inner})")
    return f"{c!r} * {value}" + (f" + {d!r}" if d else "")
