"""How much smoothness to ask for, learned from the data: the weight under which the data themselves are most probable.

With rows r of variance s^2 and a prior exp(-S / (2 t^2)) on the bending energy S of the edges, the evidence is largest where
s^2 = |r|^2 / (n - g) and t^2 = S / g, with g = trace (A + w H)^-1 A the number of parameters that the data determine; the weight
against the mean square |r|^2 is w = s^2 / t^2. Source: MacKay (1992), Neural Computation 4, 415-447, eq. 4.8 to 4.10. Where
there is no noise, |r|^2 is the error of the grid, and the weight falls with it: it then only decides what the data leave open.
"""

from __future__ import annotations

import torch

from kanpde.kan import KAN
from kanpde.learn.data import Data
from kanpde.learn.objective import Misfit
from kanpde.learn.penalties import Weights, reweighted

ORDER = 3  # of the derivative: with two, edges would go on straight beyond their data, and parabolas would cost something
BENT = 100.0  # least bending energy an edge: of half a sine; edges that start as straight lines are not meant to stay so
ROUNDS = 3  # of the fixed point; the weight is then known to a few percent, far better than it matters
DETERMINED = 0.9  # of the rows, that parameters may use up at most: otherwise nothing would be left to tell the noise
LARGEST = 2000  # parameters, beyond which their number stands for g, which costs as much as a step of training
SHIFT = 1e-13  # of the largest diagonal entry: directions that change nothing, as products of factors have, are no parameters
LEAST = 1e-30  # keeps logarithms finite where data are met exactly


@torch.no_grad()
def smoothing(network: KAN, data: Data, scale: torch.Tensor, before: float | None = None) -> float:
    """The weight of ``smoothness`` for a network as it is; ``before`` is the weight under which it was trained, if any."""
    misfit = Misfit(network, data, scale=scale)
    r, squares, _ = misfit.normal(misfit.theta)
    rows, transposed = reweighted(network, data.x, scale, Weights(smoothness=1.0, order=ORDER)).linearise(misfit.theta)
    edges = sum(group.inputs * group.outputs for group in network.edges)
    bending = max(float(rows.square().sum()), BENT * edges)
    error, values = float(r.square().sum()), len(r)
    determined = min(float(misfit.theta.numel()), DETERMINED * values)
    weight = before if before is not None else max(determined * error / (values * bending), LEAST)
    if len(misfit.theta) > LARGEST:
        return max(determined * error / ((values - determined) * bending), LEAST)
    bent = transposed @ transposed.T
    for _ in range(ROUNDS):
        whole = squares + weight * bent
        whole.diagonal().add_(SHIFT * float(squares.diagonal().max()))
        factor, failed = torch.linalg.cholesky_ex(whole)
        if not failed:
            determined = min(float(torch.cholesky_solve(squares, factor).diagonal().sum()), DETERMINED * values)
        weight = max(determined * error / ((values - determined) * bending), LEAST)
    return weight
