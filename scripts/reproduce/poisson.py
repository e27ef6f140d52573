"""The Poisson problem of the KAN paper: -lap(u) = f on [-1, 1]^2, u = sin(pi x) sin(pi y^2), from its problem file.

    python scripts/reproduce/poisson.py

Published: about 6e-4 in the relative L2 norm, by a KAN of two layers (Liu et al., arXiv 2404.19756, section 3.5).
The network alone is judged here: no closed form is looked for.
"""

from __future__ import annotations

from pathlib import Path

from table import Row, clock, print_head, print_row

import kanpde

FILE = Path(__file__).parents[2] / "problems" / "poisson_kan_paper.yaml"


def main() -> None:
    print_head("Poisson equation of the KAN paper, relative L2 error")
    solve = kanpde.solve  # imported now, not while the clock runs
    with clock() as spent:
        solution = solve(FILE, symbolic="none", progress=False)
    (judged,) = solution.comparison.fields.values()
    print_row(Row("sin(pi x) sin(pi y^2)", 6e-4, "KAN paper, section 3.5", judged.l2, spent.seconds, judged.sentence))


if __name__ == "__main__":
    main()
