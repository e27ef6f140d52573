"""Independent ground truths for the benchmarks, as functions of scattered points, each with its own error.

Burgers' equation by the Cole-Hopf formula, Allen-Cahn by ETDRK4 with exact Fourier coefficients of the kinked initial
value. They share no code with kanpde, nor a method with it, so that they may judge its solver and its references alike.

    python scripts/references.py          prints how good they are, and how good kanpde's own references are by them
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Truth = tuple[np.ndarray, float]
"""Values (N,) and their relative L2 error, from two resolutions."""


def burgers(x: np.ndarray, t: np.ndarray, nu: float = 0.01 / np.pi, sizes: tuple[int, int] = (401, 601)) -> Truth:
    """u_t + u u_x = nu u_xx, u(x, 0) = -sin(pi x), u(+-1, t) = 0, by Cole and Hopf (Basdevant et al. 1986, eq. 2.5).

    With y = x - sqrt(4 nu t) z and w = exp(-cos(pi y) / (2 pi nu) - z^2), u = -int sin(pi y) w dz / int w dz. The
    trapezoidal rule converges geometrically: the integrand is entire and decays like exp(-z^2).
    """
    coarse, fine = (_cole_hopf(np.asarray(x, float), np.asarray(t, float), nu, size) for size in sizes)
    return fine, _difference(coarse, fine)


def _cole_hopf(x: np.ndarray, t: np.ndarray, nu: float, size: int) -> np.ndarray:  # (N,), (N,) -> (N,)
    reach = np.sqrt(
        1 / (np.pi * nu) + 40
    )  # beyond, exp(-z^2) is below round-off of the largest weight: exp(1 / (pi nu)) and 1e-17
    z = np.linspace(-reach, reach, size)
    found = -np.sin(np.pi * x)
    for part in np.array_split(np.flatnonzero(t > 0), 1 + len(x) // 4096):
        y = x[part, None] - np.sqrt(4 * nu * t[part, None]) * z  # (n, size)
        exponent = -np.cos(np.pi * y) / (2 * np.pi * nu) - z**2
        w = np.exp(exponent - exponent.max(axis=1, keepdims=True))
        found[part] = -(np.sin(np.pi * y) * w).sum(axis=1) / w.sum(axis=1)
    return found


def allen_cahn(
    x: np.ndarray,
    t: np.ndarray,
    resolutions: tuple[tuple[int, int], tuple[int, int]] = ((1536, 6000), (3072, 12000)),
    cache: Path | None = None,
) -> Truth:
    """u_t = 1e-4 u_xx + 5 (u - u^3), u(x, 0) = x^2 cos(pi x), periodic on [-1, 1], by ETDRK4 with (points, steps).

    Meant for t > 0.01: before that the kink at the seam still fills all modes. With ``cache`` the values are kept in that folder.
    """
    return _cached(cache, "allen_cahn", (x, t, np.array(resolutions)), lambda: _two(x, t, resolutions))


def _two(x: np.ndarray, t: np.ndarray, resolutions: tuple[tuple[int, int], tuple[int, int]]) -> Truth:
    coarse, fine = (_etdrk4(np.asarray(x, float), np.asarray(t, float), *r) for r in resolutions)
    return fine, _difference(coarse, fine)


def _etdrk4(x: np.ndarray, t: np.ndarray, size: int, steps: int) -> np.ndarray:
    """Cox & Matthews 2002 with the contour integrals of Kassam & Trefethen 2005; cubic Hermite interpolation within a step."""
    n = np.arange(size // 2 + 1)
    linear = -1e-4 * (np.pi * n) ** 2 + 5.0
    h = 1.0 / steps
    z = h * linear[:, None] + np.exp(1j * np.pi * (np.arange(32) + 0.5) / 32)  # (modes, 32)
    whole, half = np.exp(h * linear), np.exp(h * linear / 2)
    q = h * ((np.exp(z / 2) - 1) / z).mean(axis=1).real
    f1 = h * ((-4 - z + np.exp(z) * (4 - 3 * z + z**2)) / z**3).mean(axis=1).real
    f2 = h * ((2 + z + np.exp(z) * (-2 + z)) / z**3).mean(axis=1).real
    f3 = h * ((-4 - 3 * z - z**2 + np.exp(z) * (4 - z)) / z**3).mean(axis=1).real

    def cubic(v: np.ndarray) -> np.ndarray:
        return -5 * np.fft.rfft(np.fft.irfft(v, size) ** 3)

    v = _kinked(n) * size / 2 * (-1.0) ** n  # coefficients on the grid -1 + 2 j / size
    v[0] *= 2
    v = v.astype(complex)
    v[-1] = 0
    owner = np.minimum((np.asarray(t) * steps).astype(int), steps - 1)
    order = np.argsort(owner, kind="stable")
    first = np.searchsorted(owner[order], np.arange(steps + 1))
    found = np.empty(len(x))
    force = cubic(v)
    for step in range(steps):
        a = half * v + q * force
        force_a = cubic(a)
        b = half * v + q * force_a
        force_b = cubic(b)
        c = half * a + q * (2 * force_b - force)
        new = whole * v + f1 * force + 2 * f2 * (force_a + force_b) + f3 * cubic(c)
        new_force = cubic(new)
        mine = order[first[step] : first[step + 1]]
        if len(mine):
            s = t[mine] * steps - step
            wave = np.exp(1j * np.pi * np.outer(x[mine] + 1, n))  # (m, modes)
            ends = np.stack([v, h * (linear * v + force), new, h * (linear * new + new_force)])  # (4, modes)
            values = (wave @ (ends * np.where(n == 0, 1, 2)).T).real / size  # (m, 4)
            hermite = np.stack([(1 + 2 * s) * (1 - s) ** 2, s * (1 - s) ** 2, s**2 * (3 - 2 * s), s**2 * (s - 1)], axis=1)
            found[mine] = (values * hermite).sum(axis=1)
        v, force = new, new_force
    return found


def _kinked(n: np.ndarray) -> np.ndarray:
    """a_n of x^2 cos(pi x) = sum a_n cos(n pi x) on [-1, 1]; they decay like 1 / n^2, and sampling would alias."""
    m = np.stack([n + 1, np.abs(n - 1)])
    moments = np.where(m == 0, 1 / 3, 2 * (-1.0) ** m / np.where(m == 0, 1, (m * np.pi) ** 2))  # int_0^1 x^2 cos(m pi x) dx
    a = moments.sum(axis=0)
    a[0] /= 2
    return a


def _difference(coarse: np.ndarray, fine: np.ndarray) -> float:
    return max(float(np.linalg.norm(coarse - fine) / np.linalg.norm(fine)), 1e-15)


def _cached(folder: Path | None, name: str, key: tuple[np.ndarray, ...], make: Callable[[], Truth]) -> Truth:
    if folder is None:
        return make()
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(k).tobytes() for k in key)).hexdigest()[:16]
    path = folder / f"{name}-{digest}.npz"
    if path.exists():
        with np.load(path) as stored:
            return stored["values"], float(stored["error"])
    values, error = make()
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(path, values=values, error=error)
    return values, error


def main() -> None:
    """Print each truth's own error and time, and kanpde's references measured by it."""
    import kanpde.reference as judge
    from kanpde.problem import read_file

    problems = Path(__file__).parent.parent / "problems"
    for name, truth, earliest in (("burgers", burgers, 0.0), ("allen_cahn", allen_cahn, 0.01)):
        problem = read_file(problems / f"{name}.yaml").problem
        bounds = problem.domain.bounds.copy()
        bounds[1, 0] += earliest
        points = judge.fresh_points(bounds, 2**12, seed=5)
        begin = time.perf_counter()
        values, error = truth(*points.T)
        print(f"{name}: truth good to {error:.1e} by its own two resolutions, {time.perf_counter() - begin:.1f} s")
        reference = judge.reference(problem)
        if reference is not None:
            off = _difference(reference.values(points)["u"], values)
            print(f"    kanpde: {reference.method}, {reference.resolution}, {reference.seconds:.1f} s")
            print(f"    states {reference.error:.1e}, is {off:.1e} from the truth")


if __name__ == "__main__":
    main()
