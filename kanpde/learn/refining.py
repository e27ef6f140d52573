"""Finer grids for a fitted network, with the new knots where they are needed: everywhere alike, or where its data say."""

from __future__ import annotations

from kanpde.kan import KAN
from kanpde.kan.redistribute import by_curvature, by_residual, by_values
from kanpde.kan.refine import finer
from kanpde.learn.data import Data

KNOTS = ("equal", "curvature", "values", "residual")


def refined(network: KAN, data: Data, grid: int | None, knots: str) -> tuple[KAN, str]:
    """The network on other grids, and what was done as a sentence with the change of the function at the data.

    - "equal": at least ``grid`` intervals (twice as many as there are, if None), equal ones where they are equal now;
    - "curvature": ``grid`` intervals (as many as there are), where the (k + 1)-th derivative of an edge is large;
    - "values": ``grid`` intervals (as many as there are), where the values of an edge's input are dense;
    - "residual": the intervals that hold half of the squared error are halved; takes no ``grid``.

    Raises ValueError for other words.
    """
    if knots not in KNOTS:
        raise ValueError(f"knots are put by one of {', '.join(KNOTS)}; got '{knots}'")
    if grid is not None and (isinstance(grid, bool) or not isinstance(grid, int) or grid < 1):
        raise ValueError(f"grid is a number of intervals, 1 or more; got {grid!r}")
    if knots == "residual":
        if grid is not None:
            raise ValueError("intervals are halved where the error is, as many as it takes: write refine(knots='residual')")
        result, change = by_residual(network, data.x, (network(data.x).detach() - data.y) / data.scale)
    elif knots == "equal":
        result = finer(network, 2 * max(network.intervals) if grid is None else grid)
        before = network(data.x).detach()
        change = float((result(data.x).detach() - before).abs().max() / before.abs().max().clamp(min=1e-300))
    else:
        move = by_curvature if knots == "curvature" else by_values
        result, change = move(network, data.x, grid)
    intervals = " and ".join(str(n) for n in dict.fromkeys(result.intervals))
    return result, f"refined to {intervals} intervals, {result.count} parameters; the function changed by {change:.1e}"
