"""What is known about the problems of problems/closed_forms: their solutions, and what others have published about them.

Only for judging: the solver and the search never see it. A solution is written in the problem language, with the letters of its
file, so that the reader of problem files can prove it against every equation and condition (``with_truth``).
"""

from __future__ import annotations

from pathlib import Path

from kanpde.problem import Document, read_text

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "problems" / "closed_forms"

TRUTH: dict[str, str] = {
    "heat_one_mode": "u = exp(-pi^2*t)*sin(pi*x)",
    "heat_two_modes": "u = exp(-pi^2*t)*sin(pi*x) + exp(-9*pi^2*t)*sin(3*pi*x)/2",
    "heat_insulated_end": "u = exp(-alpha*pi^2*t/4)*sin(pi*x/2)",
    "heat_robin_end": "u = exp(-pi^2*t/16)*cos(pi*x/4)",
    "heat_kernel": "u = exp(-x^2/(4*alpha*t))/sqrt(4*pi*alpha*t)",
    "heat_erf": "u = erf(x/(2*sqrt(t)))",
    "poisson_sin_sin": "u = sin(pi*x)*sin(pi*y)",
    "poisson_sin_sin_square": "u = sin(pi*x)*sin(pi*y^2)",
    "poisson_exp_polynomial": "u = exp(x)*(x^2 + y^2)",
    "poisson_runge": "u = 1/(1 + x^2 + y^2)",
    "poisson_exp_sin": "u = exp(sin(pi*x) + y^2)",
    "nguyen_1": "u = x^3 + x^2 + x",
    "nguyen_2": "u = x^4 + x^3 + x^2 + x",
    "nguyen_3": "u = x^5 + x^4 + x^3 + x^2 + x",
    "nguyen_4": "u = x^6 + x^5 + x^4 + x^3 + x^2 + x",
    "nguyen_5": "u = sin(x^2)*cos(x) - 1",
    "nguyen_6": "u = sin(x) + sin(x + x^2)",
    "nguyen_7": "u = log(x + 1) + log(x^2 + 1)",
    "nguyen_8": "u = sqrt(x)",
    "nguyen_9": "u = sin(x) + sin(y^2)",
    "nguyen_10": "u = 2*sin(x)*cos(y)",
    "nguyen_11": "u = x^y",
    "nguyen_12": "u = x^4 - x^3 + y^2/2 - y",
    "laplace_cubic": "u = x^3 - 3*x*y^2",
    "laplace_exp_cos": "u = exp(x)*cos(y)",
    "laplace_log": "u = log(x^2 + y^2)",
    "helmholtz_one_four": "u = sin(pi*x)*sin(4*pi*y)",
    "helmholtz_plane_wave": "u = cos(k*(3*x + 4*y)/5)",
    "helmholtz_bessel": "u = besselj(0, sqrt(x^2 + y^2))",
    "wave_standing": "u = cos(pi*t)*sin(pi*x)",
    "wave_gaussian": "u = (exp(-(x - t)^2) + exp(-(x + t)^2))/2",
    "advection": "u = sin(x - c*t)",
    "kdv_soliton": "u = c/2*sech(sqrt(c)/2*(x - c*t))^2",
    "kdv_two_solitons": "u = d(6*(sinh(3*x - 36*t) + sinh(x - 28*t))/(cosh(3*x - 36*t) + 3*cosh(x - 28*t)), x)",
    "burgers_front": "u = 3/10 - 2/5*tanh((x - 3*t/10)/(5*nu))",
    "burgers_cole_hopf": "u = 2*pi*nu*exp(-pi^2*nu*t)*sin(pi*x)/(2 + exp(-pi^2*nu*t)*cos(pi*x))",
    "burgers_rarefaction": "u = x/(1 + t)",
    "kovasznay": "u = 1 - exp(k*x)*cos(2*pi*y), v = k/(2*pi)*exp(k*x)*sin(2*pi*y), p = (1 - exp(2*k*x))/2",
    "taylor_green": (
        "u = cos(x)*sin(y)*exp(-2*nu*t), v = -sin(x)*cos(y)*exp(-2*nu*t), p = -(cos(2*x) + cos(2*y))/4*exp(-4*nu*t)"
    ),
    "fisher_front": "u = 1/(1 + exp(x/sqrt(6) - 5*t/6))^2",
    "allen_cahn_front": "u = 1/2 - tanh((x - 3*t/sqrt(2))/sqrt(8))/2",
    "sine_gordon_kink": "u = 4*atan(exp((5*x - 3*t)/4))",
    "sine_gordon_breather": "u = 4*atan(4/3*sin(3*t/5)*sech(4*x/5))",
    "schroedinger_soliton": "psi = sech(x - t/2)*exp(i*(x/2 + 3*t/8))",
    "eikonal": "u = sqrt(x^2 + y^2)",
    "porous_medium": "u = t^(-1/3) - x^2/(12*t)",
    "oscillator_ground": "u = exp(-x^2/2)",
    "oscillator_third": "u = (2*x^3 - 3*x)*exp(-x^2/2)",
    "oscillator_in_time": "psi = (exp(-i*t/2) + x*exp(-3*i*t/2))*exp(-x^2/2)",
    "telegraph": "u = exp(-t)*cos(sqrt(pi^2 - 1)*t)*sin(pi*x)",
    "black_scholes": "u = x/2*(1 + erf((log(x) + p*t)/s)) - exp(-r*t)/2*(1 + erf((log(x) + q*t)/s))",
    "ssde_poisson_2d": "u = 2.5*x^4 - 1.3*x^3 + 0.5*y^2 - 1.7*y",
    "ssde_poisson_3d": "u = 2.5*x^4 - 1.3*y^3 + 0.5*z^2",
    "ssde_heat_2d": "u = 2.5*x^4 - 1.3*y^3 + 0.5*t^2",
    "ssde_heat_3d": "u = 2.5*x^4 - 1.3*y^3 - 1.7*t",
    "ssde_wave_2d": "u = exp(x^2 - t/2)*sin(y)",
    "ssde_wave_3d": "u = exp(x^2 - t/2)*cos(y)",
    "fex_poisson_2d": "u = (x^2 + y^2)/2",
    "fex_poisson_3d": "u = (x^2 + y^2 + z^2)/2",
    "fex_conservation_law": "u = sin(t + pi*(x + y)/4)",
    "fex_schroedinger_2d": "u = exp((cos(x) + cos(y))/2)/3",
    "fex_schroedinger_3d": "u = exp((cos(x) + cos(y) + cos(z))/3)/3",
}
"""The solution of every problem of the folder, in the letters of its file."""

NONE: dict[str, Path] = {
    **{
        name: FOLDER / "none" / f"{name}.yaml"
        for name in (
            "heat_perturbed_data",
            "heat_perturbed_equation",
            "burgers_sine",
            "conductivity_jump",
            "poisson_exp_sin_xy",
        )
    },
    "lid_driven_cavity": ROOT / "problems" / "lid_driven_cavity.yaml",
    "poisson_l": ROOT / "problems" / "poisson_l.yaml",
}
"""Problems for which no formula may be claimed, but for the first two, whose own slightly perturbed solution may."""

NEARLY: dict[str, str] = {
    "heat_perturbed_data": "u = exp(-pi^2*t)*sin(pi*x)",
    "heat_perturbed_equation": "u = exp(-pi^2*t)*sin(pi*x)",
}
"""What is only nearly a solution, and must never be claimed."""

PERTURBED: dict[str, str] = {
    "heat_perturbed_data": "u = (1 + 1e-12)*exp(-pi^2*t)*sin(pi*x)",
    "heat_perturbed_equation": "u = exp((1e-11 - pi^2)*t)*sin(pi*x)",
}
"""The solutions of the two: the only formulas that may be claimed for them."""

PUBLISHED: dict[str, str] = {
    **dict.fromkeys((name for name in TRUTH if name.startswith("ssde")), "SSDE 100 %, 72 to 1170 s a variable"),
    **dict.fromkeys((name for name in TRUTH if name.startswith("nguyen")), "SSDE 100 %, time not stated"),
    **dict.fromkeys((name for name in TRUTH if name.startswith("fex")), "FEX 100 %, time not stated"),
}
"""What others report for the same solution: how often they find it, and how long it takes.

SSDE: Wei et al., "Closed-form solutions: a new perspective on solving differential equations", arXiv 2405.14620; solutions and
domains from the authors' code. Its heat and wave equations in three coordinates of space lack one of them here, where three
coordinates, time included, are all that is solved. FEX: Liang and Yang, "Finite expression method for solving high-dimensional
partial differential equations", arXiv 2206.10121; solutions from the authors' code, in two and three coordinates.
"""


def path_of(name: str) -> Path:
    """The file of a problem, solvable or not."""
    return NONE.get(name, FOLDER / f"{name}.yaml")


def with_truth(name: str, truth: str = "") -> Document:
    """The problem with its solution as ``exact``, which the reader proves; ProblemError if it is wrong."""
    path = path_of(name)
    text = path.read_text(encoding="utf-8").rstrip("\n")
    return read_text(f"{text}\nexact: {truth or TRUTH[name]}\n", str(path))
