"""Independent ground truths for the benchmarks, as functions of scattered points, each with its own error.

Burgers' equation by the Cole-Hopf formula; Allen-Cahn (with exact Fourier coefficients of the kinked initial value), Korteweg-de
Vries and Kuramoto-Sivashinsky by ETDRK4; the Brusselator by ``solve_ivp`` on a Chebyshev grid; Schroedinger's two solitons by
their formula; two conductors by separation; the driven cavity by Galerkin's method for the stream function. They share no code
with kanpde, so that they may judge its solver and its references alike; nor a method, but for Kuramoto-Sivashinsky, where kanpde
takes ETDRK4 too and its piecewise collocation is the second opinion.

    python scripts/references.py [names or files]  prints how good they are, and how good kanpde's own references are by them
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import linalg

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
    def at(size: int, steps: int) -> np.ndarray:
        n = np.arange(size // 2 + 1)
        v = _kinked(n) * size / 2 * (-1.0) ** n  # coefficients on the grid -1 + 2 j / size
        v[0] *= 2
        return _etdrk4(x, t, v, (-1.0, 2.0), steps, 1.0, -1e-4 * (np.pi * n) ** 2 + 5.0, _cubic)

    return _pair(at, resolutions)


def _pair(at: Callable[[int, int], np.ndarray], resolutions: tuple[tuple[int, int], tuple[int, int]]) -> Truth:
    coarse, fine = (at(*r) for r in resolutions)
    return fine, _difference(coarse, fine)


def _cubic(v: np.ndarray) -> np.ndarray:
    return -5 * np.fft.rfft(np.fft.irfft(v) ** 3)


def korteweg_de_vries(
    x: np.ndarray, t: np.ndarray, resolutions: tuple[tuple[int, int], tuple[int, int]] = ((512, 8000), (768, 16000))
) -> Truth:
    """u_t + u u_x + 0.022^2 u_xxx = 0, u(x, 0) = cos(pi x), periodic on [-1, 1], t up to 1 (Zabusky & Kruskal 1965)."""

    def at(size: int, steps: int) -> np.ndarray:
        grid = -1 + 2 * np.arange(size) / size
        wave = 1j * np.pi * np.arange(size // 2 + 1)
        wave[-1] = 0
        v = np.fft.rfft(np.cos(np.pi * grid))
        return _etdrk4(
            x, t, v, (-1.0, 2.0), steps, 1.0, -(0.022**2) * wave**3, lambda v: -wave / 2 * np.fft.rfft(np.fft.irfft(v) ** 2)
        )

    return _pair(at, resolutions)


def kuramoto_sivashinsky(
    x: np.ndarray, t: np.ndarray, resolutions: tuple[tuple[int, int], tuple[int, int]] = ((512, 8000), (768, 16000))
) -> Truth:
    """u_t + a u u_x + b u_xx + c u_xxxx = 0, a = 100/16, b = a/16, c = b/16, u(x, 0) = cos(x) (1 + sin(x)), t up to 1/2."""

    def at(size: int, steps: int) -> np.ndarray:
        grid = 2 * np.pi * np.arange(size) / size
        k = np.arange(size // 2 + 1)
        wave = np.where(k < size // 2, 1j * k, 0)
        linear = 100 / 16**2 * k**2 - 100 / 16**4 * k.astype(float) ** 4
        v = np.fft.rfft(np.cos(grid) * (1 + np.sin(grid)))
        return _etdrk4(
            x,
            t,
            v,
            (0.0, 2 * np.pi),
            steps,
            0.5,
            linear,
            lambda v: -100 / 16 * wave / 2 * np.fft.rfft(np.fft.irfft(v) ** 2),
        )

    return _pair(at, resolutions)


def brusselator(
    x: np.ndarray, t: np.ndarray, resolutions: tuple[tuple[int, float], tuple[int, float]] = ((56, 1e-11), (80, 1e-13))
) -> Truth:
    """u_t = 1 + u^2 v - 4 u + u_xx/50, v_t = 3 u - u^2 v + v_xx/50, 0 <= x <= 1, 0 <= t <= 10; values are u, then v: (2 N,).

    u = 1 + sin(2 pi x), v = 3 at first and u = 1, v = 3 at the ends (Hairer & Wanner 1996, IV.8.4). Chebyshev collocation and
    LSODA, with (degree, tolerance).
    """
    coarse, fine = (_brusselator(np.asarray(x, float), np.asarray(t, float), *r) for r in resolutions)
    return fine, _difference(coarse, fine)


def _brusselator(x: np.ndarray, t: np.ndarray, n: int, tolerance: float) -> np.ndarray:  # (N,), (N,) -> (2 N,)
    from scipy.integrate import solve_ivp
    from scipy.interpolate import BarycentricInterpolator

    theta = np.pi * np.arange(n + 1) / n
    grid, sign = (1 - np.cos(theta)) / 2, np.where(np.arange(n + 1) % n == 0, 2.0, 1.0) * (-1.0) ** np.arange(n + 1)
    d = np.outer(sign, 1 / sign) / (grid[:, None] - grid + np.eye(n + 1))
    d -= np.diag(d.sum(axis=1))  # Trefethen 2000, Spectral Methods in MATLAB, program cheb
    inner = (d @ d)[1:-1]

    def whole(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        u, v = y[: n - 1], y[n - 1 :]
        return np.concatenate([[1.0], u, [1.0]]), np.concatenate([[3.0], v, [3.0]])

    def rate(_: float, y: np.ndarray) -> np.ndarray:
        u, v = whole(y)
        product = u[1:-1] ** 2 * v[1:-1]
        return np.concatenate([1 + product - 4 * u[1:-1] + inner @ u / 50, 3 * u[1:-1] - product + inner @ v / 50])

    start = np.concatenate([1 + np.sin(2 * np.pi * grid[1:-1]), np.full(n - 1, 3.0)])
    times, back = np.unique(t, return_inverse=True)
    states = solve_ivp(rate, (0, 10), start, method="LSODA", rtol=tolerance, atol=tolerance, t_eval=times).y
    order = np.random.default_rng(0).permutation(n + 1)  # against overflow of the barycentric weights
    table = BarycentricInterpolator(grid[order], np.eye(n + 1))(x)  # (N, n + 1), by point of the permuted grid
    found = np.empty((2, len(x)))
    for part in np.array_split(np.arange(len(x)), 1 + len(x) // 4096):
        for field, values in enumerate(
            np.stack([np.concatenate(whole(states[:, b])) for b in back[part]], axis=1).reshape(2, n + 1, -1)
        ):
            found[field, part] = (table[part] * values[order].T).sum(axis=1)
    return found.ravel()


def schroedinger(x: np.ndarray, t: np.ndarray) -> Truth:
    """i psi_t + psi_xx/2 + |psi|^2 psi = 0, psi(x, 0) = 2 sech(x) on the whole line; real parts, then imaginary ones: (2 N,).

    Satsuma & Yajima 1974. The problem of the file has psi = 0 at x = +-25, where the formula has 1e-10 at most.
    """
    e = 4 * np.exp(0.5j * t) * (np.cosh(3 * x) + 3 * np.exp(4j * t) * np.cosh(x))
    psi = e / (np.cosh(4 * x) + 4 * np.cosh(2 * x) + 3 * np.cos(4 * t))
    return np.concatenate([psi.real, psi.imag]), 1e-10


def two_materials(x: np.ndarray, y: np.ndarray) -> Truth:
    """div(k grad u) = 0 with k = 1 for x < 0 and 10 beyond, u(-1, y) = sin(pi y), zero on the other sides of [-1, 1] x [0, 1].

    By separation: sin(pi y)/sinh(pi) times sinh(-pi x) + V sinh(pi (1 + x)) on the left, V sinh(pi (1 - x)) on the right.
    Equal fluxes pi (V cosh(pi) - 1) = -10 pi V cosh(pi) give V = 1/(11 cosh(pi)).
    """
    s, value = np.sinh(np.pi), 1 / (11 * np.cosh(np.pi))
    left = (np.sinh(-np.pi * x) + value * np.sinh(np.pi * (1 + x))) / s
    return np.where(x < 0, left, value * np.sinh(np.pi * (1 - x)) / s) * np.sin(np.pi * y), 1e-15


def lid_driven_cavity(x: np.ndarray, y: np.ndarray, degrees: tuple[int, int] = (32, 44)) -> Truth:
    """Navier-Stokes at Re = 100 under a lid, y = 1, that moves with 16 x^2 (1 - x)^2; u, then v, then p with p(0, 0) = 0: (3 N,).

    Galerkin's method for the stream function with clamped Legendre polynomials (Shen 1994, SIAM J. Sci. Comput. 15, eq. 3.11),
    Newton from rest, and a Neumann problem for the pressure. The eddies in the corners limit it to N^-6 or so. The error is that
    of the velocities; the pressure, of lower regularity, is ten to a hundred times worse.
    """
    coarse, fine = (_cavity(np.asarray(x, float), np.asarray(y, float), n) for n in degrees)
    return fine, _difference(coarse[: 2 * len(x)], fine[: 2 * len(x)])


def _cavity(x: np.ndarray, y: np.ndarray, n: int, nu: float = 0.01) -> np.ndarray:  # (N,), (N,) -> (3 N,)
    nodes, w = np.polynomial.legendre.leggauss(3 * n // 2 + 4)
    size = n - 3  # functions with two zeros at both ends, of degree n at most
    k = np.arange(size)
    shen = np.zeros((n + 1, size))
    shen[k, k], shen[k + 2, k], shen[k + 4, k] = 1.0, -2 * (2 * k + 5) / (2 * k + 7), (2 * k + 3) / (2 * k + 7)
    shen /= np.sqrt(2 * (2 * k + 3) ** 2 * (2 * k + 5))
    t = [_legendre(nodes, shen, q) for q in range(4)]  # (Q, size) each; x = (1 + xi)/2 makes d/dx = 2 d/dxi
    s = (1 + nodes) / 2
    a, b = np.polynomial.Polynomial([0, 0, 16, -32, 16]), np.polynomial.Polynomial([0, 0, -1, 1])
    weight = np.outer(w, w) / 4
    pairs = ((0, 1), (1, 0), (2, 0), (0, 2))

    def jet(c: np.ndarray, i: int, j: int) -> np.ndarray:  # (Q, Q)
        return t[i] @ c @ t[j].T + np.outer(a.deriv(i)(s) if i else a(s), b.deriv(j)(s) if j else b(s))

    tables = {(i, j): np.kron(t[i], t[j]) for i, j in pairs}
    lap = tables[2, 0] + tables[0, 2]
    c = np.zeros((size, size))
    for _ in range(12):  # of every test function v: nu (lap psi, lap v) + (lap psi, psi_y v_x - psi_x v_y) = 0
        px, py, vorticity = jet(c, 1, 0), jet(c, 0, 1), jet(c, 2, 0) + jet(c, 0, 2)
        wl = (weight * vorticity).ravel()
        along = py.ravel()[:, None] * tables[1, 0] - px.ravel()[:, None] * tables[0, 1]
        tested = nu * lap + along
        r = tested.T @ wl
        jacobian = (weight.ravel()[:, None] * tested).T @ lap
        cross = tables[1, 0].T @ (wl[:, None] * tables[0, 1])
        jacobian += cross - cross.T
        step = np.linalg.solve(jacobian, r)
        c -= step.reshape(size, size)
        if np.abs(step).max() < 1e-14 * np.abs(c).max():
            break
    u = {(i, j): jet(c, i, j + 1) for i in range(3) for j in range(3) if i + j < 3}
    v = {(i, j): -jet(c, i + 1, j) for i in range(3) for j in range(3) if i + j < 3}
    force = [nu * (f[2, 0] + f[0, 2]) - u[0, 0] * f[1, 0] - v[0, 0] * f[0, 1] for f in (u, v)]
    m = n - 1
    q = [_legendre(nodes, np.eye(m), order) for order in range(2)]
    mass, stiff = (q[i].T @ (w[:, None] / 2 * q[i]) for i in range(2))
    right = q[1].T @ (weight * force[0]) @ q[0] + q[0].T @ (weight * force[1]) @ q[1]
    values, vectors = linalg.eigh(stiff, mass)
    total = values[:, None] + values
    total[0, 0] = np.inf  # the constant is free
    p = vectors @ ((vectors.T @ right @ vectors) / total) @ vectors.T
    found = []
    at = [[_legendre(2 * z - 1, shen, order) for order in range(2)] for z in (x, y)]
    found.append(((at[0][0] @ c) * at[1][1]).sum(axis=1) + a(x) * b.deriv()(y))
    found.append(-((at[0][1] @ c) * at[1][0]).sum(axis=1) - a.deriv()(x) * b(y))
    ends = (-1.0) ** np.arange(m)
    found.append(((_legendre(2 * x - 1, np.eye(m), 0) @ p) * _legendre(2 * y - 1, np.eye(m), 0)).sum(axis=1) - ends @ p @ ends)
    return np.concatenate(found)


def _legendre(xi: np.ndarray, coefficients: np.ndarray, order: int) -> np.ndarray:  # (N,), (n + 1, m) -> (N, m)
    """Series in Legendre polynomials of 2 x - 1, differentiated by x."""
    derived = np.polynomial.legendre.legder(coefficients, order) if order else coefficients
    return 2.0**order * np.polynomial.legendre.legvander(xi, len(derived) - 1) @ derived


def _etdrk4(
    x: np.ndarray,
    t: np.ndarray,
    v: np.ndarray,  # (modes,): the start, as of numpy.fft.rfft
    interval: tuple[float, float],  # beginning and length
    steps: int,
    duration: float,
    linear: np.ndarray,  # (modes,)
    nonlinear: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Cox & Matthews 2002 with the contour integrals of Kassam & Trefethen 2005; cubic Hermite interpolation within a step."""
    n = np.arange(len(v))
    size = 2 * (len(v) - 1)
    h = duration / steps
    z = h * linear[:, None] + np.exp(2j * np.pi * (np.arange(32) + 0.5) / 32)  # (modes, 32)
    whole, half = np.exp(h * linear), np.exp(h * linear / 2)
    q = h * ((np.exp(z / 2) - 1) / z).mean(axis=1)
    f1 = h * ((-4 - z + np.exp(z) * (4 - 3 * z + z**2)) / z**3).mean(axis=1)
    f2 = h * ((2 + z + np.exp(z) * (-2 + z)) / z**3).mean(axis=1)
    f3 = h * ((-4 - 3 * z - z**2 + np.exp(z) * (4 - z)) / z**3).mean(axis=1)
    v = v.astype(complex)
    v[-1] = 0
    x, t = np.asarray(x, float), np.asarray(t, float) / duration
    owner = np.minimum((t * steps).astype(int), steps - 1)
    order = np.argsort(owner, kind="stable")
    first = np.searchsorted(owner[order], np.arange(steps + 1))
    found = np.empty(len(x))
    force = nonlinear(v)
    for step in range(steps):
        a = half * v + q * force
        force_a = nonlinear(a)
        b = half * v + q * force_a
        force_b = nonlinear(b)
        c = half * a + q * (2 * force_b - force)
        new = whole * v + f1 * force + 2 * f2 * (force_a + force_b) + f3 * nonlinear(c)
        new_force = nonlinear(new)
        mine = order[first[step] : first[step + 1]]
        if len(mine):
            s = t[mine] * steps - step
            wave = np.exp(2j * np.pi * np.outer((x[mine] - interval[0]) / interval[1], n))  # (m, modes)
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


TRUTHS: dict[str, tuple[Callable[[np.ndarray, np.ndarray], Truth], float]] = {
    "burgers": (burgers, 0.0),
    "allen_cahn": (allen_cahn, 0.01),
    "kdv": (korteweg_de_vries, 0.0),
    "kuramoto_sivashinsky": (kuramoto_sivashinsky, 0.0),
    "brusselator": (brusselator, 0.0),
    "schroedinger": (schroedinger, 0.0),
    "two_materials": (two_materials, 0.0),
    "lid_driven_cavity": (lid_driven_cavity, 0.0),
}
"""By the name of the problem file; and the time before which the truth does not count."""


def main() -> None:
    """Print each truth's own error and time, and kanpde's references measured by it; of the problems named, or of all."""
    import kanpde.reference as judge
    from kanpde.problem import read_file

    problems = Path(__file__).parent.parent / "problems"
    for name in sys.argv[1:] or TRUTHS:
        truth, earliest = TRUTHS[Path(name).stem]
        problem = read_file(name if name.endswith(".yaml") else problems / f"{name}.yaml").problem
        bounds = problem.domain.bounds.copy()
        bounds[1, 0] += earliest
        points = judge.fresh_points(bounds, 2**12, seed=5)
        begin = time.perf_counter()
        values, error = truth(*points.T)
        print(f"{name}: truth good to {error:.1e} by its own two resolutions, {time.perf_counter() - begin:.1f} s")
        reference = judge.reference(problem)
        if reference is not None:
            found = reference.values(points)
            print(f"    kanpde: {reference.method}, {reference.resolution}, {reference.seconds:.1f} s")
            for part, (field, mine) in zip(np.split(values, len(found)), found.items(), strict=True):
                stated = reference.errors.get(field, reference.error)
                print(f"    {field}: states {stated:.1e}, is {_difference(mine, part):.1e} from the truth")


if __name__ == "__main__":
    main()
