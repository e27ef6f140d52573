"""A network as a Python module that needs nothing but numpy: what somebody ships who does not want torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kanpde.export.source import Pieces, PlainEdge, PlainNetwork, Series, plain
from kanpde.kan import KAN
from kanpde.results.python_source import argument

FUNCTIONS = {
    "x": "{}", "identity": "{}", **{f"x^{n}": f"{{}}**{n}" for n in (2, 3, 4, 5)},
    "1/x": "1/{}", "1/x^2": "1/{}**2", "1/x^3": "1/{}**3", "sqrt": "np.sqrt{}", "1/sqrt": "1/np.sqrt{}",
    **{name: f"np.{name}{{}}" for name in ("exp", "log", "sin", "cos", "tan", "tanh", "sinh", "cosh", "sign", "abs")},
    **{"a" + name: f"np.arc{name}{{}}" for name in ("sin", "cos", "tan", "sinh", "tanh")},
    "gaussian": "np.exp(-{}**2)", "sigmoid": "(0.5*(1 + np.tanh(0.5*{})))", "silu": "silu{}", "erf": "erf{}",
}  # fmt: skip
"""Every function of an edge in numpy; the braces stand for its argument in brackets."""

_HELPERS = {
    "spline": '''def spline(z, breaks, rows):
    """A polynomial on each interval between breaks, in powers of the place in the interval, lowest first."""
    n = np.clip(np.searchsorted(breaks, z, side="right") - 1, 0, len(breaks) - 2)
    t = (z - breaks[n]) / (breaks[n + 1] - breaks[n])
    value = rows[n, -1]
    for q in range(rows.shape[1] - 2, -1, -1):
        value = value * t + rows[n, q]
    return value
''',
    "series": '''def series(z, lower, upper, coefficients):
    """A Chebyshev series on an interval."""
    return np.polynomial.chebyshev.chebval((2 * z - lower - upper) / (upper - lower), coefficients)
''',
    "silu": '''def silu(z):
    """z / (1 + exp(-z)) without overflow."""
    return 0.5 * z * (1 + np.tanh(0.5 * z))
''',
    "erf": '''def erf(z):
    """The error function, which numpy does not have."""
    return np.vectorize(math.erf, otypes=[float])(z)
''',
}


def network_numpy(network: KAN, names: Sequence[str], targets: Sequence[str], said: str = "") -> str:
    """The source of a module with a function for each target, of the inputs by name, and ``network(x)`` (N, d) -> (N, m).

    ``said`` goes into the docstring. Raises UnsupportedProblem for what cannot be written down (``plain``).
    """
    net = plain(network)
    arrays = Arrays()
    body = _body(net, arrays)
    text = "\n".join(body)
    used = [name for name in _HELPERS if f"{name}(" in text]
    shape = " -> ".join(str(w) for w in (net.inputs, *(layer.sums + layer.products for layer in net.layers)))
    heading = f"{', '.join(targets)} of {', '.join(names)}: a Kolmogorov-Arnold network, {shape}. {said}".strip().replace(
        '"', "'"
    )
    lines = [f'"""{heading}"""', "", *(["import math", ""] if "erf" in used else []), "import numpy as np", ""]
    lines += [f"{name} = np.array({_literal(values)})" for name, values in arrays.named()]
    lines += ["", *(f"\n{_HELPERS[name]}" for name in used), "", "def network(x):"]
    lines += ['    """The outputs (..., m) at points (..., d)."""', "    x = np.asarray(x, dtype=float)", *body]
    for k, target in enumerate(targets):
        arguments = ", ".join(argument(name) for name in names)
        said = f"{target} at points, arrays that broadcast."
        lines += ["", "", f"def {argument(target)}({arguments}):", f'    """{said}"""']
        lines.append(f"    return network(np.stack(np.broadcast_arrays({arguments}), -1))[..., {k}]")
    return "\n".join(lines) + "\n"


class Arrays:
    """Constant arrays, each once, by names: edges from the same node share their breaks."""

    def __init__(self) -> None:
        self._names: dict[bytes, str] = {}
        self._values: list[np.ndarray] = []

    def name(self, values: np.ndarray) -> str:
        """The name of an array."""
        key = values.tobytes() + str(values.shape).encode()
        if key not in self._names:
            self._names[key] = f"A{len(self._values)}"
            self._values.append(values)
        return self._names[key]

    def named(self) -> list[tuple[str, np.ndarray]]:
        """All arrays."""
        return list(zip(self._names.values(), self._values, strict=True))


def _literal(values: np.ndarray) -> str:
    if values.ndim == 1:
        return "[" + ", ".join(repr(float(v)) for v in values) + "]"
    return "[\n    " + ",\n    ".join(_literal(row) for row in values) + ",\n]"


def _body(net: PlainNetwork, arrays: Arrays) -> list[str]:
    """The lines from x to the outputs, a variable for every subnode and node."""
    lines = [f"    n0_{i} = x[..., {i}]" for i in range(net.inputs)]
    for depth, layer in enumerate(net.layers, 1):
        sums = []
        for j in range(layer.subnodes):
            terms = [_term(edge, f"n{depth - 1}_{edge.source}", arrays) for edge in layer.edges if edge.target == j]
            sums.append(" + ".join(terms) or "0.0 * x[..., 0]")
        lines += [f"    n{depth}_{j} = {sums[j]}" for j in range(layer.sums)]
        for p in range(layer.products):
            factors = [sums[layer.sums + k * layer.products + p] for k in range(layer.arity)]
            lines.append(f"    n{depth}_{layer.sums + p} = " + " * ".join(f"({f})" for f in factors))
    last, nodes = len(net.layers), net.layers[-1].sums + net.layers[-1].products
    run = nodes // net.outputs
    outputs = [" + ".join(f"n{last}_{k * run + i}" for i in range(run)) for k in range(net.outputs)]
    lines.append(f"    return np.stack([{', '.join(outputs)}], -1)")
    return lines


def _term(edge: PlainEdge, node: str, arrays: Arrays) -> str:
    one = edge.function
    if isinstance(one, Pieces):
        return f"spline({node}, {arrays.name(one.breaks)}, {arrays.name(one.rows)})"
    if isinstance(one, Series):
        return f"series({node}, {one.lower!r}, {one.upper!r}, {arrays.name(one.coefficients)})"
    a, b, c, d = one.affine
    inner = node if (a, b) == (1.0, 0.0) else f"{a!r} * {node} + {b!r}"
    value = FUNCTIONS[one.function].format(f"({inner})")
    return f"{c!r} * {value}" + (f" + {d!r}" if d else "")
