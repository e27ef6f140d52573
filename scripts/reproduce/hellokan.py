"""The walk of pykan's first tutorial for 20 seeds: fit with sparsity, plot, prune, refine, symbolify, refit, read the formula.

    python scripts/reproduce/hellokan.py                     a line for each seed
    python scripts/reproduce/hellokan.py --seeds 0 --steps   what every step says and takes
    python scripts/reproduce/hellokan.py --seeds 0 --figures DIR

f = exp(sin(pi x1) + x2^2) on [-1, 1]^2, 1000 points of training and 1000 of test, a network [2, 5, 1]. A seed draws the points
and the network. Published (pykan, run on one core): test RMSE 1.8e-14 in 60 s, with 1.00000289 in the formula.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import sympy as sp
from table import Row, clock, print_head, print_row

import kanpde
from kanpde.learn.regression import Regression

x1, x2 = sp.symbols("x1 x2", real=True)
TRUTH = sp.exp(sp.sin(sp.pi * x1) + x2**2)


def function(X: np.ndarray) -> np.ndarray:  # (N, 2) -> (N,)
    return np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)


def walk(X: np.ndarray, y: np.ndarray, seed: int, told: Callable[[str, Regression], None]) -> Regression:
    """All steps of the tutorial, of which ``told`` hears the names and the results."""
    words = {"grid": 5, "degree": 3, "basis": "bspline", "smoothness": 0.0, "names": ("x1", "x2"), "targets": ("f",)}
    fit = kanpde.fit(X, y, widths=[2, 5, 1], l1=1e-2, steps=20, seed=seed, **words)
    told("fit with sparsity", fit)
    fit = fit.simplify()
    told("prune", fit)
    fit = fit.refit(l1=0.0, grids=(10, 20))
    told("refine and refit", fit)
    fit = fit.auto_symbolic()
    told("symbolify", fit)
    fit = fit.refit()
    told("refit", fit)
    return fit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=range(20))
    parser.add_argument("--steps", action="store_true", help="show every step")
    parser.add_argument("--figures", type=Path, help="a folder for a picture of the network after every step")
    options = parser.parse_args()
    print_head("hellokan: exp(sin(pi x1) + x2^2), test RMSE")
    exact, worst, slowest = 0, 0.0, 0.0
    for seed in options.seeds:
        generator = np.random.default_rng(seed)
        X, test = generator.uniform(-1, 1, (2, 1000, 2))
        began = time.perf_counter()

        def told(name: str, fit: Regression, seed: int = seed, began: float = began) -> None:
            figure = fit.plot()
            if options.steps:
                print(f"  {name} ({time.perf_counter() - began:.1f} s by the clock): {fit.outcome}", flush=True)
            if options.figures is not None:
                options.figures.mkdir(parents=True, exist_ok=True)
                figure.savefig(options.figures / f"{seed} {name}.png")

        with clock() as spent:
            fit = walk(X, function(X), seed, told)
            rmse = float(np.sqrt(np.mean((fit.predict(test) - function(test)) ** 2)))
            text = "not found" if fit.formula is None else fit.formula.text
        found = None if fit.formula is None else fit.formula.expressions.get("f")
        right = found is not None and sp.simplify(found - TRUTH) == 0
        exact, worst, slowest = exact + right, max(worst, rmse), max(slowest, spent.seconds)
        print_row(
            Row(f"seed {seed}", 1.8e-14, "pykan, 60 s", rmse, spent.seconds, f"{text}{'' if right else '  (not the formula)'}")
        )
    print(f"the formula in {exact} of {len(options.seeds)} seeds; largest test RMSE {worst:.1e}, longest walk {slowest:.1f} s")


if __name__ == "__main__":
    main()
