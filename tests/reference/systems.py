"""Manufactured systems: several fields, of different orders in time and space, with every way to couple them."""

from __future__ import annotations

from kanpde.problem import Problem, read_text

S = "exp(-t)*sin(2*x + t) + x^2"
W = "cos(x - 2*t)/(2 + x)"
"""u(x, t) and v(x, t) of the systems in time."""


def line(
    u: str,
    f: str,
    v: str,
    g: str,
    left: str,
    right: str,
    *,
    initial: str = "u = s, v = w",
    s: str = S,
    w: str = W,
    more: str = "",
) -> Problem:
    """A system on [0, 1] x [0, 1] with u = s, v = w; ``f`` and ``g`` are the forcings that the equations name so."""
    ends = "".join(f"  x = {place}: {condition}\n" for place, condition in ((0, left), (1, right)) if condition)
    return read_text(
        "find: u(x, t), v(x, t)\ndomain:\n  x: [0, 1]\n  t: [0, 1]\n"
        f"equations:\n  one: {u}\n  two: {v}\nwhere:\n  s: {s}\n  w: {w}\n  f: {f}\n  g: {g}\n{more}"
        f"initial: {initial}\nboundary:\n{ends or '  x: periodic' + chr(10)}exact: u = s, v = w\n"
    ).problem


SYSTEMS: dict[str, Problem] = {
    "reaction and diffusion": line(
        "u_t = u_xx/5 + u*v + f",
        "d(s, t) - d(s, x, x)/5 - s*w",
        "v_t = v_xx/9 - u^2 + g",
        "d(w, t) - d(w, x, x)/9 + s^2",
        "u = s, v_n = -d(w, x)",
        "u_n = d(s, x), v = w",
    ),
    "coupled at the ends": line(
        "u_t = u_xx/5 + f",
        "d(s, t) - d(s, x, x)/5",
        "v_t = v_xx/9 + g",
        "d(w, t) - d(w, x, x)/9",
        "u + v = s + w, u_n - v_n = h",
        "u_n = v^2 + k, v_n + u = m",
        more="  h: d(w, x) - d(s, x)\n  k: d(s, x) - w^2\n  m: d(w, x) + s\n",
    ),
    "hyperbolic": line("u_t = v_x + f", "d(s, t) - d(w, x)", "v_t = u_x + g", "d(w, t) - d(s, x)", "u = s", "v = w"),
    "walls": line(
        "u_t + u_x*v + u*v_x = f",
        "d(s, t) + d(s*w, x)",
        "v_t + v*v_x + u_x = v_xx/20 + g",
        "d(w, t) + w*d(w, x) + d(s, x) - d(w, x, x)/20",
        "v = 0",
        "v = 0",
        s="2 + exp(-t)*cos(pi*x + t)/2",
        w="sin(pi*x)*cos(t)/3",
    ),
    "conductors": line(
        "u_t = (1 + x)*v_x + f",
        "d(s, t) - (1 + x)*d(w, x)",
        "v_t = u_x + g",
        "d(w, t) - d(s, x)",
        "u = s",
        "u = s",
    ),
    "wave and heat": line(
        "u_tt = u_xx + v_x + f",
        "d(s, t, t) - d(s, x, x) - d(w, x)",
        "v_t = v_xx/5 + u_t + g",
        "d(w, t) - d(w, x, x)/5 - d(s, t)",
        "u = s, v = w",
        "u_n = d(s, x), v_n = d(w, x)",
        initial="u = s, u_t = d(s, t), v = w",
    ),
    "one without a time derivative": line(
        "v_xx = u + g",
        "d(s, t) - d(s, x, x)/5 - s*d(w, x)",
        "u_t = u_xx/5 + u*v_x + f",
        "d(w, x, x) - s",
        "u = s, v = w",
        "u = s, v_n = d(w, x)",
        initial="u = s",
    ),
    "one without a space derivative": line(
        "u_t = u_xx/5 + u - u^3 - v + f",
        "d(s, t) - d(s, x, x)/5 - s + s^3 + w",
        "v_t = u - v + g",
        "d(w, t) - s + w",
        "u = s",
        "u_n = d(s, x)",
    ),
    "one without a flux": line(
        "u_t = u_xx/5 + v_x + f",
        "d(s, t) - d(s, x, x)/5 - d(w, x)",
        "v_t = u_x + g",
        "d(w, t) - d(s, x)",
        "u = s",
        "u_n = d(s, x)",
    ),
    "dispersion by the other": line(
        "u_t = f - v_xx/5", "d(s, t) + d(w, x, x)/5", "v_t = u_xx/5 + g", "d(w, t) - d(s, x, x)/5", "u = s, v = w", "u = s, v = w"
    ),
    "on a circle": line(
        "u_t = u_xx/9 + v*u_x + f",
        "d(s, t) - d(s, x, x)/9 - w*d(s, x)",
        "v_t = v_xx/9 + u^2 + g",
        "d(w, t) - d(w, x, x)/9 - s^2",
        "",
        "",
        s="exp(sin(2*pi*(x - t/2)))",
        w="2 + cos(2*pi*(x + t))",
    ),
    "third order on a circle": line(
        "u_t + u_xxx/999 + v*u_x = f",
        "d(s, t) + d(s, x, x, x)/999 + w*d(s, x)",
        "v_t + v_xxx/999 + u*v_x = g",
        "d(w, t) + d(w, x, x, x)/999 + s*d(w, x)",
        "",
        "",
        s="sin(2*pi*(x - t/2))",
        w="cos(2*pi*x)/2",
    ),
}


def plane(find: str, equations: dict[str, str], where: dict[str, str], boundary: str, exact: str, point: str = "") -> Problem:
    """A boundary value problem on [-1, 1] x [0, 1]."""
    rows = "".join(f"  {name}: {text}\n" for name, text in equations.items())
    names = "".join(f"  {name}: {text}\n" for name, text in where.items())
    level = f"constraints:\n  level: {point}\n" if point else ""
    return read_text(
        f"find: {find}\ndomain:\n  x: [-1, 1]\n  y: [0, 1]\nequations:\n{rows}where:\n{names}boundary: {boundary}\n{level}"
        f"exact: {exact}\n"
    ).problem


_FLOW = {
    "a": "d(h, y)",
    "b": "-d(h, x)",
    "f": "a*d(a, x) + b*d(a, y) + d(q, x) - (d(a, x, x) + d(a, y, y))/9",
    "g": "a*d(b, x) + b*d(b, y) + d(q, y) - (d(b, x, x) + d(b, y, y))/9",
}
_NAVIER_STOKES = {
    "x momentum": "u*u_x + v*u_y = -p_x + lap(u)/9 + f",
    "y momentum": "u*v_x + v*v_y = -p_y + lap(v)/9 + g",
    "continuity": "u_x + v_y = 0",
}
PLANES: dict[str, Problem] = {
    "two reactions": plane(
        "u(x, y), v(x, y)",
        {"one": "lap(u) = u*v + f", "two": "lap(v) - v = u^2 + g"},
        {
            "s": "exp(x*y/2)*sin(2*x + y^2)",
            "w": "cos(x + 2*y)",
            "f": "d(s, x, x) + d(s, y, y) - s*w",
            "g": "d(w, x, x) + d(w, y, y) - w - s^2",
        },
        "\n  x = 1: u_n + v = d(s, x) + w, v = w\n  y = 0: u = s, v_n = -d(w, y)\n  elsewhere: u = s, v = w",
        "u = s, v = w",
    ),
    "flow": plane(
        "u(x, y), v(x, y), p(x, y)",
        _NAVIER_STOKES,
        {"h": "exp(x/2)*cos(x + y^2)", "q": "sin(x)*y + x", **_FLOW},
        "u = a, v = b",
        "u = a, v = b, p = q",
        "p(0, 1/2) = 0",
    ),
    "flow, periodic in x": plane(
        "u(x, y), v(x, y), p(x, y)",
        _NAVIER_STOKES,
        {"h": "sin(pi*x)*y^2*exp(y)", "q": "cos(pi*x)*y", **_FLOW},
        "\n  x: periodic\n  y = 0: u = a, v = b\n  y = 1: u = a, v = b",
        "u = a, v = b, p = q",
        "p(0, 1) = 1",
    ),
    "first order": plane(
        "u(x, y), v(x, y), w(x, y)",
        {"gradient x": "v = u_x", "gradient y": "w = u_y", "divergence": "v_x + w_y = f"},
        {"s": "exp(x*y/2)*sin(2*x + y^2)", "f": "d(s, x, x) + d(s, y, y)"},
        "u = s",
        "u = s, v = d(s, x), w = d(s, y)",
    ),
    "level of a scalar": plane(
        "u(x, y)",
        {"poisson": "lap(u) = f"},
        {"s": "exp(x)*cos(y) + x^2*y", "f": "d(s, x, x) + d(s, y, y)"},
        "\n  x = -1: u_n = -d(s, x)\n  x = 1: u_n = d(s, x)\n  y = 0: u_n = -d(s, y)\n  y = 1: u_n = d(s, y)",
        "u = s",
        "u(0, 0) = 1",
    ),
}
