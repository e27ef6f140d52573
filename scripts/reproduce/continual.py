"""Continual learning: five Gaussian peaks, one after the other; what is left of the earlier ones?

    python scripts/reproduce/continual.py

The toy of the KAN paper (Liu et al., arXiv 2404.19756, section 3.4 and figure 3.5, where no numbers are printed): the function
sum of exp(-300 (x - c)^2) over five centres; each stage brings 100 points around one peak, and none of the earlier ones.
The paper shows that KANs keep the earlier peaks and MLPs do not.

B-splines are local: a coefficient whose support got no points is left as it was, to the bit, by Levenberg-Marquardt. It takes
``base="zero"`` (a base function is not local) and no penalties. Chebyshev polynomials and MLPs are not local: the same data
make them forget. With ``remember`` a network keeps the triangle of the earlier points' Jacobian, and no basis forgets.
"""

from __future__ import annotations

import numpy as np
import torch
from table import Row, clock, print_head, print_row
from torch import nn

import kanpde

PEAKS, POINTS = 5, 100  # the paper's
GRID = {"bspline": 200, "chebyshev": 97}  # the paper's; as many polynomials as points of a stage: more would swing between them
CENTRES = 2 / PEAKS * (np.arange(PEAKS) - PEAKS / 2 + 0.5)
HALF = 1 / PEAKS  # half of a peak's part of [-1, 1]
STEPS = 1000  # of L-BFGS, a stage of the MLP


def function(x: np.ndarray) -> np.ndarray:  # (N, 1) -> (N,)
    """The five peaks."""
    return np.exp(-300 * (x - CENTRES) ** 2).sum(1)


def part(peak: int, count: int) -> np.ndarray:  # (count, 1)
    """Equidistant points around one peak."""
    return np.linspace(CENTRES[peak] - HALF, CENTRES[peak] + HALF, count)[:, None]


class Network:
    """A KAN of one edge that learns from the points of each stage alone."""

    def __init__(self, basis: str, remember: bool = False) -> None:
        self.basis, self.remember = basis, remember
        self.fit: kanpde.Regression | None = None

    def learn(self, x: np.ndarray, y: np.ndarray) -> None:
        if self.fit is None:
            words = {"widths": [1, 1], "grid": GRID[self.basis], "basis": self.basis, "base": "zero", "domain": [[-1, 1]]}
            self.fit = kanpde.fit(x, y, **words, validation=0.0, smoothness=0.0)
        else:
            self.fit = self.fit.learn(x, y, remember=self.remember)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.fit(x)


class Perceptron:
    """An MLP [1, 64, 64, 1] with tanh, trained by L-BFGS."""

    def __init__(self) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.network = nn.Sequential(nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1)).double()

    def learn(self, x: np.ndarray, y: np.ndarray) -> None:
        points, values = torch.as_tensor(x), torch.as_tensor(y)[:, None]
        optimizer = torch.optim.LBFGS(
            self.network.parameters(), max_iter=STEPS, tolerance_change=0, line_search_fn="strong_wolfe"
        )

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = (self.network(points) - values).square().mean()
            loss.backward()
            return loss

        optimizer.step(closure)

    @torch.no_grad()
    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.network(torch.as_tensor(x))[:, 0].numpy()


def error(model: Network | Perceptron, peak: int) -> float:
    """The root mean square error on 2001 points around one peak."""
    x = part(peak, 2001)
    return float(np.sqrt(np.mean((model(x) - function(x)) ** 2)))


def main() -> None:
    print_head("five peaks in sequence, RMSE on the peaks so far")
    kinds = {
        "KAN, B-splines": lambda: Network("bspline"),
        "KAN, Chebyshev": lambda: Network("chebyshev"),
        "KAN, Chebyshev, memory": lambda: Network("chebyshev", remember=True),
        "MLP": Perceptron,
    }
    for name, make in kinds.items():
        model = make()
        for peak in range(PEAKS):
            x = part(peak, POINTS)
            with clock() as spent:
                model.learn(x, function(x))
            errors = [error(model, earlier) for earlier in range(peak + 1)]
            whole = float(np.sqrt(np.mean(np.square(errors))))
            each = "peak by peak " + " ".join(f"{value:.1e}" for value in errors)
            print_row(Row(f"{name}, after peak {peak + 1}", None, "KAN paper: a figure", whole, spent.seconds, each))


if __name__ == "__main__":
    main()
