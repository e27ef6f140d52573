"""Finite elements of degree 4 with curved edges for one equation of second order in the plane, linear or not, by scikit-fem.

The general judge on shapes: coefficients may vary, depend on the solution, and jump; conditions may be of Dirichlet, Neumann or
Robin kind, and nonlinear. Meshes are made anew for every level (fitted_mesh.py), so that two of them have nothing in common but
the problem. Edges are parabolas, which miss a circle by the fourth power of their length; corners and junctions limit the rest.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu
from skfem import BilinearForm, CellBasis, DiscreteField, ElementTriP4, LinearForm

from kanpde.errors import UnsupportedProblem
from kanpde.problem.materials import materials
from kanpde.problem.types import Condition, Problem
from kanpde.reference.edge_basis import EdgeBasis
from kanpde.reference.fitted_mesh import FittedMesh, fitted_mesh
from kanpde.reference.in_triangles import Located
from kanpde.reference.outline import Outline, masks, outline
from kanpde.reference.pointwise import Pointwise, require_known
from kanpde.reference.resolutions import Level, confirm
from kanpde.reference.types import OutOfTime, Reference, Values
from kanpde.reference.weak_form import FIRST, WeakForm, weak_forms

LEVELS = (Level(10, 1e-6), Level(15, 1e-7), Level(22, 1e-8), Level(33, 1e-9), Level(50, 1e-10), Level(75, 1e-11))
"""Triangles along the domain, and the error aimed at in corners."""

COST = 2.5
"""How much longer each level takes than the one before."""

ENOUGH = 1e-9
POINTS = 9
"""Order of the quadrature: exact for the products of two basis functions and a linear coefficient."""


@dataclass(frozen=True, eq=False)
class Elements:
    """A finite element function."""

    located: Located
    u: np.ndarray  # (n,)

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (N, 2) -> (N,), (N, 2)
        """Values and gradients."""
        dofs, phi, dphi = self.located.rows(points)
        c = self.u[dofs]
        return (phi * c).sum(axis=1), np.einsum("nib,nb->ni", dphi, c)


def finite_elements(problem: Problem, seconds: float = 120.0) -> Reference:
    """The reference for a scalar equation of second order in the plane, confirmed by two meshes."""
    start = clock.perf_counter()
    domain = problem.domain
    require_known(problem)
    if domain.dimension != 2 or domain.time is not None or domain.periodic or len(problem.fields) != 1:
        raise UnsupportedProblem("finite elements are for one field in the plane")
    regions = materials(problem)
    forms, border, name = weak_forms(problem, regions), outline(problem), problem.fields[0].name
    guess: Elements | None = None
    took = 0.0

    def attempt(level: Level, deadline: Callable[[], bool]) -> Reference:
        nonlocal guess, took
        begin = clock.perf_counter()
        if deadline() or begin + COST * took > start + seconds:
            raise OutOfTime("finite elements would take longer than reference.seconds")
        mesh = fitted_mesh(border, regions, border.size / level.degree, level.tolerance)
        with np.errstate(all="ignore"):  # a trial step may leave the domain of log or sqrt; it is then halved
            found = guess = solve(border, forms, mesh, guess)
        took = clock.perf_counter() - begin

        def values(points: np.ndarray) -> Values:
            return {name: found(points)[0]}

        def gradients(points: np.ndarray) -> Values:
            return {name: found(points)[1]}

        words = f"{mesh.mesh.nelements} triangles, {len(found.u)} unknowns"
        return Reference("finite elements", 1.0, 0.0, values, gradients, words)

    return confirm(problem, attempt, LEVELS, start, seconds, ENOUGH)


def solve(border: Outline, forms: list[WeakForm], mesh: FittedMesh, guess: Elements | None = None) -> Elements:
    """The solution on one mesh, by Newton's method."""
    system = _System(border, forms, mesh)
    u = np.zeros(system.basis.N) if guess is None else guess(system.basis.doflocs.T)[0]
    u = system.with_values(u)
    largest, before = 0.0, np.inf
    for step in range(40):
        value, matrix = system(u)
        size = float(np.linalg.norm(value))
        change = system.solve(matrix, value, u)
        fraction = 1.0
        while not system.affine and fraction > 1e-3:
            trial = float(np.linalg.norm(system(u - fraction * change, False)[0]))
            if trial <= (1 - 0.1 * fraction) * size or size < 1e-11 * largest:
                break
            fraction /= 2
        if fraction < 1e-3:
            break
        largest = max(largest, size)
        u = u - fraction * change
        part = float(np.abs(change).max()) / max(float(np.abs(u).max()), np.finfo(float).tiny)
        if system.affine or part < 1e-11 or (part < 1e-9 and part > before / 2):
            return Elements(Located(system.basis), u)
        before = part if step else np.inf
    raise UnsupportedProblem("Newton's method finds no solution from zero: the reference cannot judge this problem")


class _System:
    """The discrete equations."""

    def __init__(self, border: Outline, forms: list[WeakForm], mesh: FittedMesh) -> None:
        self.border, self.forms, self.problem = border, forms, border.problem
        self.name = self.problem.fields[0].name
        self.basis = CellBasis(mesh.mesh, ElementTriP4(), intorder=POINTS)
        self.region = mesh.region
        self.x = np.asarray(self.basis.global_coordinates())  # (2, T, Q)
        self.edges: list[tuple[EdgeBasis, list[Pointwise], np.ndarray]] = []
        self.fixed: list[tuple[Pointwise, np.ndarray]] = []
        self._conditions(mesh)
        parts = [p for f in forms for p in (*f.flux, f.source)] + [p for _, ps, _ in self.edges for p in ps]
        self.affine = all(p.affine for p in parts) and all(p.affine for p, _ in self.fixed)
        self.kept = np.setdiff1d(np.arange(self.basis.N), np.concatenate([d for _, d in self.fixed] or [np.zeros(0, int)]))
        self.levels = self._levels()
        held = bool(self.fixed or self.levels) or any((self.name, FIRST[0]) in p.keys for p in parts)
        if not held:
            raise UnsupportedProblem("the equation and its conditions leave part of the solution free")

    def _conditions(self, mesh: FittedMesh) -> None:
        pieces = self.border.boundary.pieces
        middles = np.vstack([piece.at(np.array([0.5])) for piece in pieces])
        held = masks(self.problem, self.border.boundary, middles, np.arange(len(pieces)))
        for k, facets in enumerate(mesh.facets):
            mine: list[Condition] = [condition for condition, mask in held if mask[k]]
            residuals = [r for condition in mine for r in condition.residuals]
            if len(residuals) != 1:
                place = ", ".join(f"{x:.3g}" for x in middles[k])
                raise UnsupportedProblem(
                    f"finite elements take one condition at each place, and there are {len(residuals)} at ({place})"
                )
            row = Pointwise(self.problem, residuals[0].on_boundary((0, 1), self.problem.coordinates), normals=True)
            if not {index for _, index in row.keys} <= set(FIRST):
                raise UnsupportedProblem("finite elements take conditions on u and its first derivatives", row.span)
            if all(index == FIRST[0] for _, index in row.keys):
                self.fixed.append((row, self.basis.get_dofs(facets).all()))
                continue
            natural = [form.natural(residuals[0]) for form in self.forms]
            self.edges.append((EdgeBasis(self.basis, facets), natural, self.region[mesh.mesh.f2t[0, facets]]))

    def _levels(self) -> list[tuple[float, sparse.csr_matrix]]:
        """Values at points as rows, for what conditions on derivatives leave free."""
        found = []
        for condition in self.problem.conditions:
            if condition.kind != "constraint":
                continue
            point = condition.place.point
            if point is None or any(p is None for p in point):
                raise UnsupportedProblem(f"'{condition.name}' is no condition at a point", condition.span)
            x = np.array([point], dtype=float)
            for r in condition.residuals:
                row = Pointwise(self.problem, r)
                if row.keys != ((self.name, FIRST[0]),) or not row.affine:
                    raise UnsupportedProblem("finite elements take constraints on the value at a point", condition.span)
                value, slopes = row(list(x.T), {row.keys[0]: np.zeros(1)})
                dofs, phi, _ = Located(self.basis).rows(x)
                at = sparse.csr_matrix((phi[0], (np.zeros(len(phi[0]), int), dofs[0])), shape=(1, self.basis.N))
                found.append((float(-value[0] / slopes[row.keys[0]][0]), at))
        return found

    def with_values(self, u: np.ndarray) -> np.ndarray:  # (n,) -> (n,)
        """u with the values that conditions prescribe."""
        u = u.copy()
        for row, dofs in self.fixed:
            x = list(self.basis.doflocs[:, dofs]) + [np.zeros(len(dofs))] * 2
            for _ in range(1 if row.affine else 30):
                value, slopes = row(x, dict.fromkeys(row.keys, u[dofs]))
                u[dofs] -= value / slopes[self.name, FIRST[0]]
        return u

    def __call__(self, u: np.ndarray, wanted: bool = True) -> tuple[np.ndarray, sparse.csr_matrix | None]:
        """The residual (n,) for the free unknowns (zero for the others), and its Jacobian (n, n)."""
        field = self.basis.interpolate(u)
        jets = {(self.name, i): v for i, v in zip(FIRST, (np.asarray(field), field.grad[0], field.grad[1]), strict=True)}
        parts = [self._inside([pick(f) for f in self.forms], jets) for pick in (_qx, _qy, _source)]
        value = _residual.assemble(self.basis, **{k: DiscreteField(p[0]) for k, p in zip("pqg", parts, strict=True)})
        matrix = None
        if wanted:
            slopes = {f"{k}{i}": DiscreteField(s) for k, p in zip("pqg", parts, strict=True) for i, s in enumerate(p[1])}
            matrix = _jacobian.assemble(self.basis, **slopes)
        for edge, natural, region in self.edges:
            jets = {(self.name, i): v for i, v in zip(FIRST, edge.traces(u), strict=True)}
            flux, by = _by_region(natural, region, [*edge.x, *edge.normal], jets, self.name)
            value = value + edge.vector(flux)
            if wanted:
                matrix = matrix + edge.matrix(by)
        free = np.zeros(len(u))
        free[self.kept] = value[self.kept]
        return free, matrix

    def _inside(
        self, terms: list[Pointwise], jets: dict[tuple[str, tuple[int, ...]], np.ndarray]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        return _by_region(terms, self.region, list(self.x), jets, self.name)

    def solve(self, matrix: sparse.csr_matrix | None, value: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The Newton step; levels at points come with multipliers, which are zero if the problem has a solution."""
        assert matrix is not None
        inner = matrix[self.kept][:, self.kept]
        right = value[self.kept]
        if self.levels:
            rows = sparse.vstack([row[:, self.kept] for _, row in self.levels])
            spread = sparse.csr_matrix(_load.assemble(self.basis)[self.kept][:, None] * np.ones((1, len(self.levels))))
            inner = sparse.bmat([[inner, spread], [rows, None]])
            right = np.concatenate([right, [float((row @ u)[0]) - level for level, row in self.levels]])
        try:
            found = splu(inner.tocsc()).solve(right)
        except RuntimeError as singular:  # scipy's splu: "Factor is exactly singular"
            raise UnsupportedProblem("the equation and its conditions leave part of the solution free") from singular
        step = np.zeros(len(u))
        step[self.kept] = found[: len(self.kept)]
        return step


def _by_region(
    terms: list[Pointwise],
    region: np.ndarray,  # (T,)
    places: list[np.ndarray],  # (T, Q) each
    jets: dict[tuple[str, tuple[int, ...]], np.ndarray],
    name: str,
) -> tuple[np.ndarray, list[np.ndarray]]:  # (T, Q), three slopes by u, u_x, u_y
    """One term of the weak form with the formula of every triangle's own region."""
    shape = places[0].shape
    value, slopes = np.zeros(shape), [np.zeros(shape) for _ in FIRST]
    for number, term in enumerate(terms):
        mine = np.flatnonzero(region == number)
        if not len(mine):
            continue
        found, by = term([p[mine] for p in places], {key: jets[key][mine] for key in term.keys})
        value[mine] = found
        for i, index in enumerate(FIRST):
            if (name, index) in by:
                slopes[i][mine] = by[name, index]
    return value, slopes


def _qx(form: WeakForm) -> Pointwise:
    return form.flux[0]


def _qy(form: WeakForm) -> Pointwise:
    return form.flux[1]


def _source(form: WeakForm) -> Pointwise:
    return form.source


@LinearForm
def _residual(v, w):  # type: ignore[no-untyped-def]
    """-q . grad v + g v."""
    return w.g * v - w.p * v.grad[0] - w.q * v.grad[1]


@BilinearForm
def _jacobian(u, v, w):  # type: ignore[no-untyped-def]
    ux, uy = u.grad[0], u.grad[1]
    p, q, g = (w[k + "0"] * u + w[k + "1"] * ux + w[k + "2"] * uy for k in "pqg")
    return g * v - p * v.grad[0] - q * v.grad[1]


@LinearForm
def _load(v, w):  # type: ignore[no-untyped-def]
    return 1.0 * v
