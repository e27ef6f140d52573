"""Manufactured problems: every kind of equation and condition, with its exact solution."""

from __future__ import annotations

import numpy as np

from kanpde.problem import Problem, read_text
from kanpde.reference import Reference, exact, fresh_points

S = "exp(-t)*sin(2*x + t) + x^2"
"""u(x, t) of the problems in time: no symmetry, no zero at an end."""


def line(
    equation: str, forcing: str, left: str, right: str, *, values: dict[str, str] | None = None, second: bool = False, s: str = S
) -> Problem:
    """A problem on [0, 1] x [0, 1] with u = s; ``forcing`` is f, ``values`` more abbreviations."""
    where = "".join(f"  {name}: {value}\n" for name, value in {"s": s, "f": forcing, **(values or {})}.items())
    ends = "".join(f"  x = {place}: {condition}\n" for place, condition in ((0, left), (1, right)) if condition)
    initial = "u = s, u_t = d(s, t)" if second else "u = s"
    return read_text(
        f"find: u(x, t)\ndomain:\n  x: [0, 1]\n  t: [0, 1]\nequation: {equation}\nwhere:\n{where}"
        f"initial: {initial}\nboundary:\n{ends}exact: u = s\n"
    ).problem


def circle(equation: str, forcing: str, s: str, second: bool = False) -> Problem:
    """A problem on [-1, 1] x [0, 1], periodic in x, with u = s."""
    initial = "u = s, u_t = d(s, t)" if second else "u = s"
    return read_text(
        f"find: u(x, t)\ndomain:\n  x: [-1, 1]\n  t: [0, 1]\nequation: {equation}\nwhere:\n  s: {s}\n  f: {forcing}\n"
        f"initial: {initial}\nboundary:\n  x: periodic\nexact: u = s\n"
    ).problem


def plane(equation: str, forcing: str, boundary: str, s: str, where: str = "") -> Problem:
    """A boundary value problem on [-1, 1] x [0, 1] with u = s; ``boundary`` is written as in a file."""
    return read_text(
        f"find: u(x, y)\ndomain:\n  x: [-1, 1]\n  y: [0, 1]\nequation: {equation}\nwhere:\n  s: {s}\n  f: {forcing}\n{where}"
        f"boundary: {boundary}\nexact: u = s\n"
    ).problem


HEAT = "d(s, t) - d(s, x, x)/5"
LINES: dict[str, Problem] = {
    "neumann": line("u_t = u_xx/5 + f", HEAT, "u_n = -d(s, x)", "u_n = d(s, x)"),
    "robin in time": line(
        "u_t = u_xx/5 + f",
        HEAT,
        "u_n = 3*u + g",
        "u_n + (2 + t)*u = h",
        values={"g": "-d(s, x) - 3*s", "h": "d(s, x) + (2 + t)*s"},
    ),
    "nonlinear ends": line(
        "u_t = u_xx/5 + f", HEAT, "u_n = u^4 + g", "u_n = h - u^3", values={"g": "-d(s, x) - s^4", "h": "d(s, x) + s^3"}
    ),
    "an end that moves": line("u_t = u_xx/5 + f", HEAT, "u_t - u_n = g", "u = s", values={"g": "d(s, t) + d(s, x)"}),
    "quasilinear": line(
        "u_t = d((1 + u^2)*u_x, x)/5 - exp(u)*u_x + f",
        "d(s, t) - d((1 + s^2)*d(s, x), x)/5 + exp(s)*d(s, x)",
        "u = s",
        "u_n = d(s, x)",
    ),
    "implicit in u_t": line("u_t + u_t^3 = u_xx/5 + f", "d(s, t) + d(s, t)^3 - d(s, x, x)/5", "u = s", "u = s"),
    "mixed u_xxt": line("u_t - u_xxt/5 + u*u_x = f", "d(s, t) - d(s, x, x, t)/5 + s*d(s, x)", "u = s", "u = s"),
    "advection": line("u_t + u_x = f", "d(s, t) + d(s, x)", "u = s", ""),
    "third order": line("u_t + u*u_x + u_xxx/50 = f", "d(s, t) + s*d(s, x) + d(s, x, x, x)/50", "u = s", "u = s, u_x = d(s, x)"),
    "fourth order": line(
        "u_t + u_xxxx/50 + u*u_x = f",
        "d(s, t) + d(s, x, x, x, x)/50 + s*d(s, x)",
        "u = s, u_n = -d(s, x)",
        "u_xx = d(s, x, x), u_xxx = d(s, x, x, x)",
    ),
    "damped nonlinear wave": line(
        "u_tt + u_t = (1 + x/2)*u_xx - sin(u) + f",
        "d(s, t, t) + d(s, t) - (1 + x/2)*d(s, x, x) + sin(s)",
        "u = s",
        "u_n + u^3 = g",
        values={"g": "d(s, x) + s^3"},
        second=True,
    ),
    "absorbing ends": line(
        "u_tt = u_xx + f",
        "d(s, t, t) - d(s, x, x)",
        "u_t + u_n = g",
        "u_t + u_n = h",
        values={"g": "d(s, t) - d(s, x)", "h": "d(s, t) + d(s, x)"},
        second=True,
    ),
    "beam": line(
        "u_tt + u_xxxx/20 = f", "d(s, t, t) + d(s, x, x, x, x)/20", "u = s, u_n = -d(s, x)", "u = s, u_n = d(s, x)", second=True
    ),
    "from rest": line("u_tt = u_xx + f", "d(s, t, t) - d(s, x, x)", "u = 0", "u = 0", second=True, s="t^2*exp(x*t)*sin(pi*x)"),
    "advection on a circle": circle("u_t + u_x = f", "d(s, t) + d(s, x)", "exp(sin(pi*(x - t/2)))"),
    "diffusion on a circle": circle("u_t = u_xx/9 + u - u^3 + f", "d(s, t) - d(s, x, x)/9 - s + s^3", "exp(sin(pi*(x - t)))/2"),
    "third order on a circle": circle("u_t + u*u_x + u_xxx/99 = f", "d(s, t) + s*d(s, x) + d(s, x, x, x)/99", "sin(pi*(x - t))"),
    "fourth order on a circle": circle(
        "u_t + u_x/3 + u_xx/9 + u_xxxx/99 = f", "0", "exp((pi^2/9 - pi^4/99)*t)*sin(pi*(x - t/3))"
    ),
    "wave on a circle": circle("u_tt = u_xx + f", "d(s, t, t) - d(s, x, x)", "exp(cos(pi*(x - t/2)))", second=True),
}

P = "exp(x*y/2)*sin(2*x + y^2)"
POISSON = "d(s, x, x) + d(s, y, y)"
PLANES: dict[str, Problem] = {
    "dirichlet": plane("lap(u) = f", POISSON, "u = s", P),
    "neumann on two faces": plane(
        "lap(u) = f", POISSON, "\n  x = -1: u_n = -d(s, x)\n  y = 1: u_n = d(s, y)\n  elsewhere: u = s", P
    ),
    "robin and nonlinear": plane(
        "lap(u) - u = f",
        POISSON + " - s",
        "\n  x = -1: u_n + 2*u = g\n  x = 1: u_n + u^3 = h\n  elsewhere: u = s",
        P,
        "  g: -d(s, x) + 2*s\n  h: d(s, x) + s^3\n",
    ),
    "nonlinear": plane("lap(u) = exp(u) + u*u_x + f", POISSON + " - exp(s) - s*d(s, x)", "u = s", P),
    "anisotropic": plane(
        "d((2 + x*y)*u_x, x) + u_yy/9 + u_xy = f", "d((2 + x*y)*d(s, x), x) + d(s, y, y)/9 + d(s, x, y)", "u = s", P
    ),
    "clamped plate": plane(
        "lap(lap(u)) = f",
        "d(s, x, x, x, x) + 2*d(s, x, x, y, y) + d(s, y, y, y, y)",
        "\n  x = -1: u = s, u_n = -d(s, x)\n  x = 1: u = s, u_n = d(s, x)"
        "\n  y = 0: u = s, u_n = -d(s, y)\n  y = 1: u = s, u_n = d(s, y)",
        P,
    ),
    "strip, periodic in x": plane(
        "lap(u) - u = f", POISSON + " - s", "\n  x: periodic\n  y = 0: u = s\n  y = 1: u_n = d(s, y)", "exp(sin(pi*x))*cos(y)"
    ),
    "one coordinate": read_text(
        "find: u(x)\ndomain:\n  x: [0, 1]\nequation: u_xx = u^2 + f\nwhere:\n  s: exp(x)*cos(3*x)\n  f: d(s, x, x) - s^2\n"
        "boundary:\n  x = 0: u = s\n  x = 1: u_n = d(s, x)\nexact: u = s\n"
    ).problem,
}


def true_error(problem: Problem, reference: Reference, seed: int = 11) -> float:
    """Relative L2 distance of the worst field from the exact solution, on other points than the references use for themselves."""
    points = fresh_points(problem.domain, 2**11, seed)
    found, truth = reference.values(points), exact(problem).values(points)
    return max(float(np.linalg.norm(found[name] - u) / np.linalg.norm(u)) for name, u in truth.items())
