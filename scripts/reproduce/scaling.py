"""Error against grid size: the scaling law of splines, RMSE ~ G^-(k + 1), without the upturn of a bad solve.

    python scripts/reproduce/scaling.py

J0(20 x) by one edge and exp(sin(pi x) + y^2) by [2, 1, 1], cubic, on the grids 5 to 100; then on to 1e-12: J0 on cubic splines of
up to 6400 intervals (the least squares problem of one edge is banded: QR costs O(G)), the other one with k = 5 up to 200.

The KAN paper (arXiv 2404.19756, section 3.1 and theorem 2.1) gives the slope -(k + 1) as what can be reached and prints curves
that come near it. Each grid starts from the network of the one before. The fit never sees the 20000 test points; there are at
least 20 training points to each interval of the finest grid, the boundary included. G = 5 does not resolve J0(20 x), which has
6 oscillations on [-1, 1]: the slope is over all grids nevertheless.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from scipy.special import j0
from scipy.stats import qmc
from table import Row, clock, print_head, print_row

import kanpde
from kanpde.kan import local_basis, open_knots
from kanpde.optimize.banded import Rows, solve_banded

GRIDS = (5, 10, 20, 50, 100)
TEST = 20_000
Function = Callable[[np.ndarray], np.ndarray]  # (N, d) -> (N,)


def bessel(x: np.ndarray) -> np.ndarray:
    """J0(20 x)."""
    return j0(20 * x[:, 0])


def exponential(x: np.ndarray) -> np.ndarray:
    """exp(sin(pi x) + y^2)."""
    return np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)


def points(dimension: int, count: int) -> np.ndarray:  # (N, d)
    """Training points in [-1, 1]^d: equidistant on the line; of Sobol's sequence in the plane, and Chebyshev's on its sides."""
    if dimension == 1:
        return np.linspace(-1, 1, count)[:, None]
    inside = 2 * qmc.Sobol(2, seed=0).random(count) - 1
    side = np.cos(np.pi * np.arange(129) / 128)
    ends = [np.stack(pair, 1) for end in (-1.0, 1.0) for pair in ((side, 0 * side + end), (0 * side + end, side))]
    return np.concatenate([inside, *ends])


def curve(name: str, function: Function, widths: list[int], degree: int, grids: Sequence[int], count: int) -> None:
    """A row for each grid, and one for the slope of log RMSE against log G."""
    x, test = points(widths[0], count), np.random.default_rng(1).uniform(-1, 1, (TEST, widths[0]))
    network, errors = None, []
    for grid in grids:
        with clock() as spent:
            words = (
                {"widths": widths, "degree": degree, "basis": "bspline", "base": "zero"}
                if network is None
                else {"network": network}
            )
            fit = kanpde.fit(x, function(x), grid=grid, **words, validation=0.0, smoothness=0.0, budget=600)
        network = fit.network
        errors.append(float(np.sqrt(np.mean((fit(test) - function(test)) ** 2))))
        note = f"{network.count} parameters, {len(x)} points; training {fit.rmse:.1e}"
        print_row(Row(f"{name}, k={degree}, G={grid}", None, "", errors[-1], spent.seconds, note))
    slope(f"{name}, k={degree}", degree, grids, errors)


def slope(name: str, degree: int, grids: Sequence[int], errors: Sequence[float]) -> None:
    """The row of a fitted slope, and whether an error is larger than the one before."""
    fitted = float(np.polyfit(np.log(grids), np.log(errors), 1)[0])
    upturns = sum(later > earlier for earlier, later in pairwise(errors))
    row = Row(f"{name}: slope", f"-{degree + 1}", "KAN paper, theorem 2.1", f"{fitted:.2f}", None)
    print_row(Row(row.name, row.published, row.whose, row.ours, None, f"G = {grids[0]}..{grids[-1]}, {upturns} upturns"))


def fine(degree: int, grids: Sequence[int], per: int = 10) -> None:
    """J0(20 x) by one edge on very fine grids: the least squares problem is banded, a QR decomposition of it costs O(G)."""
    errors = []
    test = torch.rand(1, TEST, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2 - 1
    for grid in grids:
        with clock() as spent:
            breaks = torch.linspace(-1, 1, grid + 1, dtype=torch.float64)
            knots = open_knots(breaks, degree)[None]
            x = breaks[:-1, None] + breaks.diff()[:, None] * (torch.arange(per, dtype=torch.float64) + 0.5) / per  # (G, per)
            _, values = local_basis(x.reshape(1, -1), knots, degree)  # (1, k + 1, 1, G per)
            rows = values[0, :, 0].T.reshape(grid, per, degree + 1)
            right = torch.as_tensor(j0(20 * x.numpy()))[..., None]
            c, _ = solve_banded([[Rows(matrix, y)] for matrix, y in zip(rows, right, strict=True)], 1, degree)
        first, values = local_basis(test, knots, degree)
        at = c[first[0] + torch.arange(degree + 1)[:, None], 0]  # (k + 1, N)
        errors.append(float(((at * values[0, :, 0]).sum(0) - torch.as_tensor(j0(20 * test[0].numpy()))).square().mean().sqrt()))
        print_row(Row(f"J0(20 x), k={degree}, G={grid}", None, "", errors[-1], spent.seconds, "banded QR"))
    slope(f"J0(20 x), k={degree}", degree, grids, errors)


def main() -> None:
    print_head("scaling, test RMSE")
    curve("J0(20 x)", bessel, [1, 1], 3, GRIDS, 2001)
    curve("exp(sin(pi x)+y^2)", exponential, [2, 1, 1], 3, GRIDS, 4096)
    curve("exp(sin(pi x)+y^2)", exponential, [2, 1, 1], 5, (*GRIDS, 200), 4096)
    fine(3, (100, 200, 400, 800, 1600, 3200, 6400))


if __name__ == "__main__":
    main()
