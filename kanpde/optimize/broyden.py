"""Self-scaled quasi-Newton methods of Broyden's class: a dense inverse Hessian H of |r|^2 / 2, learned from gradients alone.

H+ = (H - H y (H y)^T / y.Hy + phi v v^T) / tau + s s^T / y.s,  v = sqrt(y.Hy) (s / y.s - H y / y.Hy),
with the step s and the change of gradient y. BFGS has phi = tau = 1. Self-scaling (tau < 1 enlarges H where it was too small)
and a phi that may fall outside [0, 1] help where eigenvalues of the Hessian spread over many decades, as for networks.
Sources: Al-Baali (1998), Comput. Optim. Appl. 9, 191-203; Al-Baali & Khalfan (2005), Appl. Numer. Math. 55, 1-8 (wide interval);
Urban, Stefanou & Pons (2025), J. Comput. Phys. 523, 113656, arXiv 2405.04230 (for networks).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from kanpde.optimize.least_squares import LeastSquares, Monitor, Outcome, always

SUFFICIENT, CURVATURE = 1e-4, 0.9  # strong Wolfe conditions for quasi-Newton steps: Nocedal & Wright (2006), section 3.1
EVALUATIONS = 25  # of one line search
LONGER = 2.0  # the factor by which a step grows while the minimum lies beyond
INSIDE = 0.1  # of an interval, next to its ends: a trial there would hardly shorten it


@dataclass(frozen=True)
class Broyden:
    """Self-scaled Broyden: second-order convergence at the price of gradients, and of a dense matrix of the parameters.

    ``update`` is "broyden", or "bfgs" for self-scaled BFGS. It stops when the largest entry of the gradient is below ``flat``
    times what it was at the start, or when no step decreases the residual.
    """

    flat: float = 1e-12
    update: Literal["broyden", "bfgs"] = "broyden"

    def __call__(self, problem: LeastSquares, theta: Tensor, steps: int, monitor: Monitor = always) -> Outcome:
        """Minimises from ``theta`` in at most ``steps`` steps."""
        r, gradient = problem.gradient(theta)
        cost = float(r.norm())
        history = [cost]
        scale = cost**2
        if scale == 0 or not math.isfinite(scale):
            text = "the residual is zero" if scale == 0 else "the residual is not finite at the start"
            return Outcome(theta, cost, 0, scale == 0, text, tuple(history))
        x, f, g = theta, 0.5, gradient / scale
        steepest = float(g.abs().max())
        inverse: Tensor | None = None  # (P, P); None for a multiple of one, before the first step
        for step in range(1, steps + 1):
            if float(g.abs().max()) <= self.flat * steepest:
                return Outcome(x, cost, step - 1, True, "the gradient vanishes", tuple(history))
            p = -g / max(1.0, float(g.norm())) if inverse is None else -inverse @ g
            if not float(p @ g) < 0:
                p, inverse = -g / max(1.0, float(g.norm())), None
            found = _search(_along(problem, x, p, scale), f, float(p @ g))
            if found is None and inverse is not None:  # round-off has spoilt the matrix: once more downhill
                inverse, p = None, -g / max(1.0, float(g.norm()))
                found = _search(_along(problem, x, p, scale), f, float(p @ g))
            if found is None:
                return Outcome(x, cost, step - 1, True, "no step decreases the residual any further", tuple(history))
            length, f, changed = found
            s, y = length * p, changed - g
            inverse = _updated(inverse, s, y, -length * float(s @ g), self.update)
            x, g = x + s, changed
            cost = math.sqrt(2 * f * scale)
            history.append(cost)
            if not monitor(step, cost):
                return Outcome(x, cost, step, False, "interrupted", tuple(history))
        return Outcome(x, cost, steps, False, f"{steps} steps were not enough", tuple(history))


Line = Callable[[float], tuple[float, float, Tensor]]
"""Length of a step -> f, slope along the step, gradient."""


def _along(problem: LeastSquares, x: Tensor, p: Tensor, scale: float) -> Line:
    def line(length: float) -> tuple[float, float, Tensor]:
        r, gradient = problem.gradient(x + length * p)
        g = gradient / scale
        return float(r @ r) / (2 * scale), float(g @ p), g

    return line


def _search(line: Line, start: float, slope: float) -> tuple[float, float, Tensor] | None:
    """A length that meets the strong Wolfe conditions, with f and the gradient there; None if nothing lower is found.

    Source: Nocedal & Wright (2006), algorithms 3.5 and 3.6, cubic interpolation by eq. 3.59. The point returned is always the
    one that was evaluated last.
    """
    low, high = (0.0, start, slope), None  # ends of an interval that holds a minimum, the lower one first
    length = 1.0
    best: tuple[float, float] | None = None  # f, length
    for _ in range(EVALUATIONS):
        f, ahead, g = line(length)
        if math.isfinite(f) and f <= start + SUFFICIENT * length * slope and abs(ahead) <= CURVATURE * abs(slope) and f < start:
            return length, f, g
        if math.isfinite(f) and f < start and (best is None or f < best[0]):
            best = f, length
        if not math.isfinite(f) or f > start + SUFFICIENT * length * slope or f >= low[1]:
            high = length, f, ahead
        else:
            if high is None and ahead < 0:
                low, length = (length, f, ahead), length * LONGER
                continue
            if high is None or ahead * (high[0] - low[0]) >= 0:
                high = low
            low = length, f, ahead
        if abs(high[0] - low[0]) <= 1e-14 * max(abs(high[0]), abs(low[0])):
            break
        length = _between(low, high)
    if best is None:
        return None
    f, _, g = line(best[1])  # not the curvature that was asked for, but lower
    return best[1], f, g


def _between(low: tuple[float, float, float], high: tuple[float, float, float]) -> float:
    """The minimum of the cubic through two values and slopes, kept away from the ends; the middle where there is none."""
    (a, fa, da), (b, fb, db) = low, high
    middle = 0.5 * (a + b)
    if not (math.isfinite(fb) and math.isfinite(db)):
        return a + INSIDE * (b - a)
    d1 = da + db - 3 * (fa - fb) / (a - b)
    square = d1 * d1 - da * db
    if square < 0:
        return middle
    d2 = math.copysign(math.sqrt(square), b - a)
    if db - da + 2 * d2 == 0:
        return middle
    at = b - (b - a) * (db + d2 - d1) / (db - da + 2 * d2)
    share = (at - a) / (b - a)
    return a + min(max(share, INSIDE), 1 - INSIDE) * (b - a) if math.isfinite(share) else middle


def _updated(inverse: Tensor | None, s: Tensor, y: Tensor, bent: float, update: str) -> Tensor | None:
    """H+ from H; ``bent`` is s.H^-1 s, which is minus the length of the step times s.g."""
    ys = float(y @ s)
    if not ys > 0:
        return inverse  # only after a search that did not reach the curvature condition
    if inverse is None:  # Nocedal & Wright (2006), eq. 6.20
        size = ys / float(y @ y)
        inverse = torch.eye(len(s), dtype=s.dtype, device=s.device) * size
        bent = float(s @ s) / size
    moved = inverse @ y
    yhy = float(y @ moved)
    b, h = bent / ys, yhy / ys
    tau, phi = (min(1.0, 1 / b), 1.0) if update == "bfgs" else _scaling(b, h, len(s))
    v = s / ys - moved / yhy
    result = inverse / tau
    result.addr_(moved, moved, alpha=-1 / (yhy * tau))
    result.addr_(v, v, alpha=phi * yhy / tau)
    result.addr_(s, s, alpha=1 / ys)
    return result


def _scaling(b: float, h: float, parameters: int) -> tuple[float, float]:
    """tau and phi of self-scaled Broyden: Urban, Stefanou & Pons (2025), after Al-Baali & Khalfan (2005)."""
    a = h * b - 1  # not negative, by Cauchy and Schwarz
    if a <= 1e-12:
        return min(1.0, 1 / b), 1.0
    below = min(1.0, h * (1 - math.sqrt(a / (a + 1))))
    theta = max((below - 1) / a, min(1 / below, (1 - b) / b))
    sigma = 1 + a * theta
    tau = min(1.0, 1 / b)
    root = sigma ** (1 / (1 - parameters)) if parameters > 1 else 1.0
    tau = tau * min(root, 1 / theta) if theta > 0 else min(tau * root, sigma)
    return tau, (1 - theta) / (1 + a * theta)
