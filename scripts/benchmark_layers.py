"""One layer of B-spline edges against the layers of other packages, side by side in one process on one core.

    python scripts/benchmark_layers.py [--batch 65536] [--repeats 5] [--core 0] [--network] [--only NAME ...]

Prints milliseconds of the processor, the median of interleaved repeats, for the values and for the values with the gradients by
the inputs and by all parameters, in single and double precision; then ours against the fastest spline or RBF layer of the others.
The default is a layer [64, 64] with cubic splines on 5 intervals, 8 functions an edge, and the base function silu; ``--network``
is [2, 64, 64, 1] at 4096 points. Needs what kanpde needs; pykan, jaxkan (with jax and flax) and pina-mathlab (with lightning and
torch_geometric) are measured where they can be imported. fastkan and efficient-kan are not packages: their published formulas are
written anew here.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

INTERVALS, DEGREE, FUNCTIONS = 5, 3, 8
SLICE = 2048  # points at once of the layers that store a number for every point and edge: all at once they need 20 GB
PATIENCE = 2.0  # seconds: what takes longer is run once, for neither a warm-up nor a median changes much
Runs = tuple[Callable[[], Any], Callable[[], Any]]
"""What computes the values, and what computes the values and the gradients."""


def torch_runs(net: Any, x: Any, g: Any, size: int | None = None) -> Runs:
    """Of a torch module; in slices of ``size`` points if that is given."""
    import torch

    net = net.to(x.dtype)
    parameters = [p for p in net.parameters() if p.requires_grad]
    parts = list(zip(x.split(size or len(x)), g.split(size or len(x)), strict=True))

    def values() -> None:
        with torch.no_grad():
            for z, _ in parts:
                net(z)

    def gradients() -> None:
        for p in parameters:
            p.grad = None
        for z, w in parts:
            leaf = z.detach().requires_grad_()
            net(leaf).backward(w)

    return values, gradients


def chain(widths: Sequence[int], layer: Callable[[int, int], Any]) -> Any:
    """Layers one after the other."""
    import torch

    return torch.nn.Sequential(*[layer(a, b) for a, b in pairwise(widths)])


def ours(widths: Sequence[int], x: Any, g: Any, basis: str = "bspline") -> Runs:
    """kanpde's network."""
    import torch

    from kanpde import KAN

    generator = torch.Generator().manual_seed(0)
    return torch_runs(KAN(list(widths), grid=INTERVALS, degree=DEGREE, basis=basis, dtype=x.dtype, generator=generator), x, g)


def fastkan(widths: Sequence[int], x: Any, g: Any, normalise: bool = False) -> Runs:
    """Gaussians exp(-((x - c) / h)^2), eight centres on [-2, 2], and silu (Li 2024, arXiv 2405.06721)."""
    import torch
    from torch import nn

    class Layer(nn.Module):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(inputs) if normalise else nn.Identity()
            self.register_buffer("centres", torch.linspace(-2, 2, FUNCTIONS))
            self.spline = nn.Linear(inputs * FUNCTIONS, outputs, bias=False)
            self.base = nn.Linear(inputs, outputs)

        def forward(self, z: Any) -> Any:
            bells = torch.exp(-(((self.norm(z)[..., None] - self.centres) / (4 / (FUNCTIONS - 1))) ** 2))
            return self.spline(bells.flatten(-2)) + self.base(nn.functional.silu(z))

    return torch_runs(chain(widths, Layer), x, g)


def efficient_kan(widths: Sequence[int], x: Any, g: Any) -> Runs:
    """Cox and de Boor's recurrence on all functions at once, one linear map after it (github.com/Blealtan/efficient-kan)."""
    import torch
    from torch import nn

    class Layer(nn.Module):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            knots = torch.arange(-DEGREE, INTERVALS + DEGREE + 1) * (2 / INTERVALS) - 1
            self.register_buffer("knots", knots.expand(inputs, -1).contiguous())
            self.base = nn.Linear(inputs, outputs, bias=False)
            self.weight = nn.Parameter(torch.randn(outputs, inputs, FUNCTIONS) / 10)
            self.scaler = nn.Parameter(torch.ones(outputs, inputs))

        def forward(self, z: Any) -> Any:
            t, z1 = self.knots, z[..., None]
            b = ((z1 >= t[:, :-1]) & (z1 < t[:, 1:])).to(z.dtype)
            for k in range(1, DEGREE + 1):
                left = (z1 - t[:, : -(k + 1)]) / (t[:, k:-1] - t[:, : -(k + 1)]) * b[..., :-1]
                b = left + (t[:, k + 1 :] - z1) / (t[:, k + 1 :] - t[:, 1:-k]) * b[..., 1:]
            weight = (self.weight * self.scaler[..., None]).flatten(1)
            return self.base(nn.functional.silu(z)) + nn.functional.linear(b.flatten(1), weight)

    return torch_runs(chain(widths, Layer), x, g)


def linear(widths: Sequence[int], x: Any, g: Any) -> Runs:
    """An ordinary network of the same widths."""
    from torch import nn

    return torch_runs(chain(widths, lambda a, b: nn.Sequential(nn.Linear(a, b), nn.SiLU())), x, g)


def pykan(widths: Sequence[int], x: Any, g: Any) -> Runs:
    """pykan's KANLayer."""
    from kan.KANLayer import KANLayer
    from torch import nn

    class Layer(nn.Module):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.layer = KANLayer(inputs, outputs, num=INTERVALS, k=DEGREE)

        def forward(self, z: Any) -> Any:
            return self.layer(z)[0]

    return torch_runs(chain(widths, Layer), x, g, SLICE)


def pina(widths: Sequence[int], x: Any, g: Any) -> Runs:
    """PINA's KANBlock; its order is the degree plus one."""
    from pina.model.block import KANBlock

    def layer(inputs: int, outputs: int) -> Any:
        knots = FUNCTIONS + DEGREE + 1
        return KANBlock(inputs, outputs, spline_order=DEGREE + 1, n_knots=knots, grid_range=[-1, 1])

    return torch_runs(chain(widths, layer), x, g, SLICE)


def jaxkan(widths: Sequence[int], x: Any, g: Any, family: str = "spline") -> Runs:
    """jaxKAN's layers, compiled."""
    import jax
    import jax.numpy as jnp
    from flax import nnx
    from jaxkan.layers.RBF import RBFLayer
    from jaxkan.layers.Spline import SplineLayer

    double = x.dtype.itemsize == 8
    with jax.enable_x64(double):
        layers: list[Any] = []
        for a, b in pairwise(widths):
            if family == "spline":
                layers.append(SplineLayer(a, b, k=DEGREE, G=INTERVALS))
            else:
                layers.append(RBFLayer(a, b, D=FUNCTIONS, residual=nnx.silu))
        points, weights = jnp.asarray(x.numpy()), jnp.asarray(g.numpy())
        for layer in layers:
            layer.grid.item = jnp.asarray(layer.grid.item, points.dtype)
        split = [nnx.split(layer, nnx.Param, ...) for layer in layers]
        parameters = jax.tree.map(lambda a: a.astype(points.dtype), [part[1] for part in split])

        def network(parameters: Any, z: Any) -> Any:
            for (graph, _, rest), own in zip(split, parameters, strict=True):
                z = nnx.merge(graph, own, rest)(z)
            return z

        def both(parameters: Any, z: Any, w: Any) -> Any:
            y, back = jax.vjp(network, parameters, z)
            return y, back(w)

        fast, fast_both = jax.jit(network), jax.jit(both)
        found = fast(parameters, points)
        assert found.dtype == points.dtype, f"jaxkan computed in {found.dtype}"

    def values() -> None:
        with jax.enable_x64(double):
            jax.block_until_ready(fast(parameters, points))

    def gradients() -> None:
        with jax.enable_x64(double):
            jax.block_until_ready(fast_both(parameters, points, weights))

    values(), gradients()  # compiles
    return values, gradients


PEERS: dict[str, Callable[..., Runs]] = {
    "kanpde": ours,
    "fastkan's formula": fastkan,
    "fastkan's formula, layernorm": lambda *a: fastkan(*a, normalise=True),
    "efficient-kan's formula": efficient_kan,
    "jaxkan RBF": lambda *a: jaxkan(*a, family="rbf"),
    "jaxkan spline": jaxkan,
    "PINA": pina,
    "pykan": pykan,
    "Linear and SiLU": linear,
}
"""Ours first; the last is no KAN, for the scale."""


def clocked(run: Callable[[], Any]) -> float:
    """Seconds of the processor."""
    start = time.process_time()
    run()
    return time.process_time() - start


def measure(widths: Sequence[int], batch: int, bits: int, repeats: int, names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Name -> milliseconds of values, and of values and gradients."""
    import torch

    dtype = {32: torch.float32, 64: torch.float64}[bits]
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(batch, widths[0], dtype=dtype, generator=generator) * 2 - 1
    g = torch.randn(batch, widths[-1], dtype=dtype, generator=generator)
    runs: dict[str, Runs] = {}
    for name in names:
        try:
            runs[name] = PEERS[name](widths, x, g)
        except ImportError as error:
            print(f"{name} is left out: {error.name or error} is not installed.")
            continue
    seconds: dict[tuple[str, int], list[float]] = {(name, i): [] for name in runs for i in range(2)}
    patient = set()  # what takes long: its first run is its only one
    for name, i in seconds:
        took = clocked(runs[name][i])
        if took > PATIENCE:
            seconds[name, i].append(took)
            patient.add((name, i))
    for _ in range(repeats):
        for key, times in seconds.items():
            if key not in patient:
                times.append(clocked(runs[key[0]][key[1]]))
    return {name: tuple(1e3 * statistics.median(seconds[name, i]) for i in range(2)) for name in runs}  # type: ignore[misc]


def main() -> int:
    """The tables and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=None, help="points (65536; with --network 4096)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--core", type=int, default=0, help="the processor's core to run on")
    parser.add_argument("--network", action="store_true", help="[2, 64, 64, 1] in the place of [64, 64]")
    parser.add_argument("--only", nargs="+", choices=list(PEERS), help="these rows only")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {options.core})
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    widths = [2, 64, 64, 1] if options.network else [64, 64]
    batch = options.batch or (4096 if options.network else 65536)
    names = options.only or list(PEERS)
    for bits in (32, 64):
        print(f"\n{widths}, {batch} points, float{bits}, k = {DEGREE}, G = {INTERVALS}: ms, median of {options.repeats}")
        found = measure(widths, batch, bits, options.repeats, names)
        print(f"{'':30}{'values':>10}{'and gradients':>16}")
        for name, (values, gradients) in found.items():
            print(f"{name:30}{values:10.1f}{gradients:16.1f}")
        others = {name: times for name, times in found.items() if name not in ("kanpde", "Linear and SiLU")}
        if "kanpde" not in found or not others:
            continue
        for i, what in enumerate(("values", "values and gradients")):
            best = min(others, key=lambda name: others[name][i])
            line = f"{what}: {others[best][i] / found['kanpde'][i]:.2f} times as fast as the fastest other, {best}"
            if "pykan" in others:
                line += f"; {others['pykan'][i] / found['kanpde'][i]:.0f} times as fast as pykan"
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
