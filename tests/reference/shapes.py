"""Problems in plane shapes with a known solution: every kind of condition, holes, corners."""

from __future__ import annotations

from dataclasses import replace

from kanpde.problem import Problem, read_text


def shaped(domain: str, equation: str, boundary: str, exact: str = "", where: str = "", more: str = "") -> Problem:
    """A problem in u(x, y); ``s`` under ``where`` is the exact solution."""
    known = f"  s: {exact}\n  sx: d(s, x)\n  sy: d(s, y)\n" if exact else ""
    text = f"find: u(x, y)\ndomain:\n{domain}equation: {equation}\nwhere:\n{known}{where}boundary:\n{boundary}{more}"
    if not known and not where:
        text = text.replace("where:\n", "")
    problem = read_text(text + ("exact: u = s\n" if exact else "")).problem
    return replace(problem, remarks=())


DISK = "  (x, y): plate\n  plate: disk([1/3, 0], 3/2)\n"
ELLIPSE = "  (x, y): plate\n  plate: ellipse([0, 0], 3/2, 1)\n"
ANNULUS = "  (x, y): plate - hole\n  plate: disk([0, 0], 1)\n  hole: disk([1/5, 0], 1/3)\n"
PENTAGON = "  (x, y): plate\n  plate: polygon([0, 0], [2, 0], [2, 1], [1, 3/2], [0, 1])\n"
LSHAPE = "  (x, y): square - notch\n  square: rectangle([-1, -1], [1, 1])\n  notch: rectangle([0, 0], [1, 1])\n"
BOX = "  x: [0, 2]\n  y: [0, 1]\n"

PLATE_NORMAL = {  # the outward normal as formulas of the place
    "disk": "  nx: (x - 1/3)/(3/2)\n  ny: y/(3/2)\n",
    "ellipse": "  size: sqrt((x/(9/4))^2 + y^2)\n  nx: x/(9/4)/size\n  ny: y/size\n",
    "hole": "  nx: -(x - 1/5)*3\n  ny: -y*3\n",
}
LAP = "  f: d(s, x, x) + d(s, y, y)\n"
SHAPES: dict[str, Problem] = {
    "disk, robin": shaped(
        DISK,
        "lap(u) = f",
        "  plate: u_n + 2*u = nx*sx + ny*sy + 2*s\n",
        "exp(x/2)*cos(y + x)",
        LAP + PLATE_NORMAL["disk"],
    ),
    "ellipse, neumann and a level": shaped(
        ELLIPSE,
        "-lap(u) = -f",
        "  plate: u_n = nx*sx + ny*sy\n",
        "sin(x)*exp(y) + x^2 + x^2*y",
        LAP + PLATE_NORMAL["ellipse"],
        "constraints:\n  level: u(0, 0) = 0\n",
    ),
    "annulus, dirichlet and a nonlinear condition": shaped(
        ANNULUS,
        "lap(u) = f",
        "  hole: u_n + u^3 = nx*sx + ny*sy + s^3\n  plate: u = s\n",
        "log((x - 1/5)^2 + y^2)/3 + x*y",
        LAP + PLATE_NORMAL["hole"],
    ),
    "annulus, helmholtz": shaped(
        ANNULUS,
        "lap(u) + 9*u = f",
        "  hole: u_n = nx*sx + ny*sy\n  plate: u = s\n",
        "sin(3*x)*cosh(y)",
        LAP.replace("\n", " + 9*s\n") + PLATE_NORMAL["hole"],
    ),
    "pentagon, screened": shaped(
        PENTAGON, "lap(u) = 4*u + f", "  plate: u = s\n", "exp(x)*sin(y)", "  f: d(s, x, x) + d(s, y, y) - 4*s\n"
    ),
    "l-shape, mixed": shaped(
        LSHAPE, "lap(u) = f", "  notch: u = s\n  y = -1: u_n = -sy\n  elsewhere: u = s\n", "cos(2*x)*y + exp(y)", LAP
    ),
    "box, conditions on half a side": shaped(
        BOX, "lap(u) = f", "  y = 0 and x < 1/2: u_n = -sy\n  x = 2: u_n + u = sx + s\n  elsewhere: u = s\n", "sin(x)*exp(y)", LAP
    ),
}
"""Solvable by functions that satisfy the equation; by finite elements, too."""
