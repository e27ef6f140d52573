"""Known functions in the place of an edge: c f(a z + b) + d fitted to what the edge does at the points that reach it.

Least squares in a and b have many minima (sines), so the start is global: a and b are scanned over a grid, c and d being linear,
and the best starts of every function are refined by Levenberg-Marquardt. A small misfit is no identity: J0 looks like a cosine to
1e-8. What a candidate does to the output is therefore measured and said, beside its misfit and its price in bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from kanpde.kan import KAN
from kanpde.kan.symbolic_edges import FUNCTIONS, derivatives

PRICES: dict[str, float] = {
    **dict.fromkeys(("x",), 1.0),
    **dict.fromkeys(("x^2", "sin", "cos", "exp"), 3.0),
    **dict.fromkeys(("x^3", "1/x", "sqrt", "log"), 4.0),
    **dict.fromkeys(("x^4", "1/x^2", "tanh", "abs", "gaussian"), 5.0),
}
"""Bits of a function's name: how rare it is in textbooks, minus the binary logarithm of its share, in rough steps."""
RARE = 7.0
"""Bits of every other function: one of about a hundred."""
DIGITS = 4.0
"""Bits of each of a, b, c, d that is neither 1 nor 0 by the choice of the function."""

_SLOPES = tuple(0.05 * 1.25**k for k in range(31))
"""Values of |a| for an interval scaled to [-1, 1], 0.05 to 40: from a twentieth of a period to thirteen."""
_SHIFTS = 49  # values of b, over the range in which the function is not what it is elsewhere
_SAMPLES = 200  # points of the scan
_STARTS = 3  # of every function that are refined
_STEPS = 30  # of Levenberg-Marquardt; it stops by itself after about ten

_POWERS = ("x^2", "x^3", "x^4", "x^5", "1/x", "1/x^2", "1/x^3", "abs", "sign")
_SIGNED = ("log", "sqrt", "1/sqrt")


@dataclass(frozen=True)
class EdgeFunction:
    """A candidate for one edge: ``function`` f with ``affine`` (a, b, c, d) for c f(a z + b) + d.

    ``misfit`` is the root mean square of what it leaves of the edge at the points, ``relative`` the same divided by the edge's
    standard deviation, ``bits`` its price. ``rmse`` is the network's error on the data with the candidate in the edge's place,
    everything else as it was, and ``status`` says in words what that means; both only where data were given.
    """

    function: str
    affine: tuple[float, float, float, float]
    misfit: float
    relative: float
    bits: float
    rmse: float = math.nan
    status: str = ""

    @property
    def text(self) -> str:
        """The edge as a formula in z with rounded numbers, such as ``2 sin(3.142 z) + 0.5``."""
        a, b, c, d = self.affine
        inner = f"{a:.4g} z" + (f" {'+' if b > 0 else '-'} {abs(b):.4g}" if b else "")
        outer = FORMATS.get(self.function, f"{self.function}({{}})").format(inner)
        return f"{c:.4g} {outer}" + (f" {'+' if d > 0 else '-'} {abs(d):.4g}" if d else "")


DEGENERATE = 1e4
"""A function that is so many times larger than what it stands for is another one in disguise: a parabola as 1e8 cos(1e-4 z)."""
SLOW = 1e-5
"""A step that lessens the squares by less is one in a valley that leads to a limit in disguise, or one at the noise."""
FAR = 30.0
"""c exp(a z + b) is written without b unless exp(b) is out of all proportion."""
ROUNDING = 1e-13
"""Relative misfits below are rounding, and all alike; among those within half a decade the cheaper function comes first."""
FORMATS = {
    "x": "({})",
    **{f"x^{n}": f"({{}})^{n}" for n in (2, 3, 4, 5)},
    "1/x": "/ ({})",
    **{f"1/x^{n}": f"/ ({{}})^{n}" for n in (2, 3)},
    "1/sqrt": "/ sqrt({})",
    "gaussian": "exp(-({})^2)",
}
"""How an edge with a function is written where it is not the function's name and brackets."""


@torch.no_grad()
def curve(network: KAN, x: Tensor, layer: int, source: int, target: int) -> tuple[Tensor, Tensor]:  # (N,), (N,)
    """What reaches an edge at points x (N, d), and what the edge makes of it. Raises ValueError if there is no such edge."""
    stack = network.stack
    nodes = network.inputs if layer == 0 else stack[layer - 1].nodes if 0 < layer < len(stack) else 0
    if not (0 <= source < nodes and 0 <= target < stack[layer].subnodes):
        raise ValueError(f"there is no edge ({layer}, {source}, {target}): give layer, node and subnode, numbered from 0")
    z = network.activations(x)[layer][:, source]
    return z, network.edge_values(x)[layer][target, source]


def fitted(
    network: KAN, x: Tensor, layer: int, source: int, target: int, functions: Iterable[str] | None = None
) -> list[EdgeFunction]:
    """The functions fitted to an edge by the points x (N, d), the smallest misfit first; without a choice all there are.

    A function that is defined nowhere near is left out; raises ValueError if none is left, or if the edge does nothing.
    """
    z, y = curve(network, x, layer, source, target)
    return fitted_to(z, y, functions)


def fitted_to(z: Tensor, y: Tensor, functions: Iterable[str] | None = None) -> list[EdgeFunction]:  # (N,), (N,)
    """The functions fitted to a curve, the smallest misfit first; the cheaper one where they are alike."""
    names = list(FUNCTIONS) if functions is None else list(functions)
    for name in names:
        if name not in FUNCTIONS:
            raise ValueError(f"no function of an edge is called '{name}'; there are {', '.join(FUNCTIONS)}")
    z, y = z.detach().double().cpu(), y.detach().double().cpu()
    middle, half = (z.amax() + z.amin()) / 2, (z.amax() - z.amin()) / 2
    spread = y.std(correction=0)
    if not half > 0 or not spread > 0:
        raise ValueError("the edge is constant at these points: every function fits it, and none means anything; prune it")
    t = (z - middle) / half
    order = torch.argsort(t)
    few = order[torch.linspace(0, len(t) - 1, min(_SAMPLES, len(t))).round().long()]
    found = []
    for name in names:
        best = None
        for a, b in _starts(name, t[few], y[few]):
            trial = _refined(name, t, y, a, b)
            if trial is not None and (best is None or trial[1] < best[1]):
                best = trial
        if best is None:
            continue
        (a, b, c, d), misfit = best
        reach = float(FUNCTIONS[name](a * t + b).abs().max()) * abs(c)
        if functions is None and reach > DEGENERATE * float(spread):
            continue
        affine = _canonical(name, a / float(half), b - a * float(middle / half), c, d)
        found.append(EdgeFunction(name, affine, misfit, misfit / float(spread), _bits(name, affine)))
    if not found:
        raise ValueError(f"none of the functions {', '.join(names)} is defined on the interval that reaches the edge")
    return sorted(found, key=lambda f: (round(2 * math.log10(max(f.relative, ROUNDING))), f.bits, f.misfit))


def _free(name: str) -> tuple[bool, bool]:
    """Whether a and b mean something beside c and d: c (a z + b)^2 knows only b / a, c exp(a z + b) only a."""
    return name not in ("x", *_POWERS, *_SIGNED), name not in ("x", "exp")


def _grid(name: str) -> tuple[Tensor, Tensor]:  # (A,), (A, B)
    """Values of a, and of b for each: where the bend of the function lies over the interval, or near it."""
    if name == "x":
        return torch.ones(1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    slopes = torch.tensor(_SLOPES, dtype=torch.float64)  # of one sign where f(-z) is +-f(z) and a constant: c and d say it
    if name in _POWERS:
        slopes = torch.ones(1, dtype=torch.float64)
    elif name in _SIGNED:
        slopes = torch.tensor([1.0, -1.0], dtype=torch.float64)
    elif name == "exp":
        slopes = torch.cat([slopes, -slopes])
    if name == "exp":
        return slopes, torch.zeros(len(slopes), 1, dtype=torch.float64)
    if name in ("sin", "cos"):
        phases = torch.linspace(0, math.pi, _SHIFTS, dtype=torch.float64)[:-1]  # the sign is that of c
        return slopes, phases.expand(len(slopes), -1)
    if name == "tan":
        return slopes, torch.linspace(-math.pi / 2, math.pi / 2, _SHIFTS, dtype=torch.float64).expand(len(slopes), -1)
    if name in ("asin", "acos", "atanh"):
        return slopes, torch.linspace(-1, 1, _SHIFTS, dtype=torch.float64).expand(len(slopes), -1)
    # the bend at a t + b = 0 lies at t = -b / a: on the interval, and up to four half-lengths beside it
    u = torch.linspace(-1, 1, _SHIFTS, dtype=torch.float64)
    places = torch.sign(u) * (u.abs() + 4 * u.abs() ** 4)
    return slopes, slopes[:, None].abs() * places


def _starts(name: str, t: Tensor, y: Tensor) -> list[tuple[float, float]]:
    """The best places of the scan: at most one for each a."""
    slopes, shifts = _grid(name)
    values = FUNCTIONS[name](slopes[:, None, None] * t + shifts[..., None])  # (A, B, n)
    values = values - values.mean(-1, keepdim=True)
    target = y - y.mean()
    size = values.square().sum(-1)
    left = target.square().sum() - (values @ target).square() / size  # what c f + d leaves
    left = torch.where(torch.isfinite(left) & (size > 0), left, math.inf)
    best, place = left.min(1)
    order = torch.argsort(best)[:_STARTS]
    return [(float(slopes[k]), float(shifts[k, place[k]])) for k in order if math.isfinite(best[k])]


def _refined(name: str, t: Tensor, y: Tensor, a: float, b: float) -> tuple[tuple[float, float, float, float], float] | None:
    """a, b, c, d of least squares from a start, and the root mean square that is left; None where f is not defined.

    Variable projection: c and d are those of least squares for each a and b, and the Jacobian by a and b is taken orthogonal to
    f and 1 (Kaufman, BIT 15 (1975)).
    """
    moves = [k for k, free in enumerate(_free(name)) if free]
    theta = torch.tensor([a, b], dtype=torch.float64)
    here = _projected(FUNCTIONS[name], t, y, theta)
    if here is None:
        return None
    damping = 1e-3
    for _ in range(_STEPS if moves else 0):
        residual, jacobian, _, _ = here
        columns = jacobian[:, moves]
        sizes = columns.norm(dim=0).clamp(min=1e-300)
        left, singular, right = torch.linalg.svd(columns / sizes, full_matrices=False)
        step = -(right.mT @ (singular / (singular.square() + damping) * (left.mT @ residual))) / sizes
        moved = theta.clone()
        moved[moves] += step
        trial = _projected(FUNCTIONS[name], t, y, moved)
        if trial is not None and trial[0].square().sum() < residual.square().sum():
            gain = 1 - float(trial[0].square().sum() / residual.square().sum())
            theta, here, damping = moved, trial, max(damping / 10, 1e-15)
            if gain < SLOW:
                break
        else:
            damping *= 10
            if damping > 1e3:
                break
    residual, _, c, d = here
    return (float(theta[0]), float(theta[1]), c, d), float(residual.square().mean().sqrt())


def _projected(
    function: Callable[[Tensor], Tensor], t: Tensor, y: Tensor, theta: Tensor
) -> tuple[Tensor, Tensor, float, float] | None:
    """Residual (n,), Jacobian by a and b (n, 2), c and d; None where the function is not defined or does not vary."""
    f, slope = derivatives(function, theta[0] * t + theta[1], 1)
    if not bool(torch.isfinite(f).all() & torch.isfinite(slope).all()):
        return None
    mean = f.mean()
    centred = f - mean
    size = centred.square().sum()
    if not size > 0:
        return None
    c = (centred @ (y - y.mean())) / size
    d = y.mean() - c * mean
    jacobian = torch.stack([slope * t, slope], 1) * c
    jacobian = jacobian - jacobian.mean(0)
    jacobian = jacobian - torch.outer(centred, centred @ jacobian) / size
    return c * f + d - y, jacobian, float(c), float(d)


def _canonical(name: str, a: float, b: float, c: float, d: float) -> tuple[float, float, float, float]:
    """The same edge with the numbers that people write: a = 1 where c can say it, angles within a period, slopes of one sign."""
    powers = {"x": 1, "x^2": 2, "x^3": 3, "x^4": 4, "x^5": 5, "1/x": -1, "1/x^2": -2, "1/x^3": -3, "abs": 1, "sign": 0}
    if name == "x":
        return 1.0, 0.0, c * a, d + c * b
    if name in powers and a > 0:
        return 1.0, b / a, c * a ** powers[name], d
    if name in _SIGNED:
        size = abs(a)
        scale = {"log": 1.0, "sqrt": size**0.5, "1/sqrt": size**-0.5}[name]
        return a / size, b / size, c * scale, d + (c * math.log(size) if name == "log" else 0.0)
    if name == "exp" and abs(b) < FAR:
        return a, 0.0, c * math.exp(b), d
    if name in ("sin", "cos"):
        turns = round(b / math.pi)
        return a, b - turns * math.pi, c * (-1) ** turns, d
    return a, b, c, d


def _bits(name: str, affine: tuple[float, float, float, float]) -> float:
    """The price of writing the edge down."""
    written = sum(value not in (0.0, 1.0) for value in affine)
    return PRICES.get(name, RARE) + DIGITS * written


def suggest_edge(
    network: KAN, x: Tensor, layer: int, source: int, target: int, y: Tensor | None = None, most: int = 5
) -> list[EdgeFunction]:
    """Candidates for an edge, the smallest misfit first, with what each does to the network's error on the data (x, y).

    Without y (N, m) the network's own values take its place: the error is then the change of the output.
    """
    own = network(x).detach()
    given = own if y is None else y
    size = float(given.square().mean().sqrt())
    before = float((own - given).square().mean().sqrt())
    found = []
    for one in fitted(network, x, layer, source, target)[:most]:
        trial = network.fixed(layer, source, target, one.function, torch.tensor(one.affine, dtype=torch.float64))
        after = float((trial(x).detach() - given).square().mean().sqrt())
        found.append(
            EdgeFunction(
                one.function, one.affine, one.misfit, one.relative, one.bits, after, _status(before, after, size, y is None)
            )
        )
    return found


def _status(before: float, after: float, size: float, own: bool) -> str:
    if own:
        return f"changes the output by {after:.1e}"
    if after <= max(1.05 * before, ROUNDING * size):  # a twentieth is less than the choice of the points makes
        return "as good as the spline: the error does not grow"
    return f"the error grows from {before:.1e} to {after:.1e} before training goes on"
