"""Values of a finite element function at scattered points: the triangle of each, its place there, and the basis at that place.

Triangles may be curved: the map is inverted by Newton's method, and a point that turns out to lie beyond an edge goes to the
neighbour. A point between a chord and the arc that it stands for belongs to the nearest triangle of the boundary.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import Delaunay, cKDTree
from skfem import CellBasis, Element

BEYOND = 1e-9
"""How far beyond an edge, in the triangle's own coordinates, a point may lie and still count as inside."""


class Located:
    """Finds triangles; ``basis`` has the mesh and the elements."""

    def __init__(self, basis: CellBasis) -> None:
        self.basis = basis
        mesh = basis.mesh
        self.nodes = mesh.doflocs[:, mesh.dofs.element_dofs]  # (2, 6, T)
        self.t = mesh.t.T  # (T, 3)
        points = mesh.p.T[: self.t.max() + 1]
        self.delaunay = Delaunay(points)
        keys = {tuple(sorted(t)): i for i, t in enumerate(self.t.tolist())}
        self.owner = np.array([keys.get(tuple(sorted(t)), -1) for t in self.delaunay.simplices.tolist()])
        self.neighbour = np.full(self.t.shape, -1)  # (T, 3): across the edges (0, 1), (1, 2), (0, 2)
        pairs = mesh.f2t[:, mesh.t2f]  # (2, 3, T)
        me = np.arange(len(self.t))
        self.neighbour = np.where(pairs[0] == me, pairs[1], pairs[0]).T
        outer = mesh.boundary_facets()
        self.rim = cKDTree(mesh.p[:, mesh.facets[:, outer]].mean(axis=1).T)
        self.rim_triangle = mesh.f2t[0, outer]

    def places(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (N, 2) -> (N,), (2, N)
        """The triangle of each point, and its coordinates in the reference triangle."""
        simplex = self.delaunay.find_simplex(x)
        element = np.where(simplex >= 0, self.owner[simplex], -1)
        lost = element < 0
        if lost.any():
            element[lost] = self.rim_triangle[self.rim.query(x[lost])[1]]
        local = self._local(x, element)
        for _ in range(8):
            outside = np.stack([-local[1], local.sum(axis=0) - 1, -local[0]])  # beyond the edges (0, 1), (1, 2), (0, 2)
            edge = outside.argmax(axis=0)
            following = self.neighbour[element, edge]
            moved = np.flatnonzero((outside.max(axis=0) > BEYOND) & (following >= 0))
            if not len(moved):
                break
            new = self._local(x[moved], following[moved])
            better = _excess(new) < _excess(local[:, moved])
            element[moved[better]], local[:, moved[better]] = following[moved[better]], new[:, better]
            if not better.any():
                break
        return element, local

    def _local(self, x: np.ndarray, element: np.ndarray) -> np.ndarray:  # (2, N)
        local = np.full((2, len(x)), 1 / 3)
        nodes = self.nodes[:, :, element]  # (2, 6, N)
        for _ in range(6):
            phi, dphi = quadratic(local)
            gap = np.einsum("ikn,kn->in", nodes, phi) - x.T
            jacobian = np.einsum("ikn,kjn->ijn", nodes, dphi)
            det = jacobian[0, 0] * jacobian[1, 1] - jacobian[0, 1] * jacobian[1, 0]
            step = np.stack(
                [jacobian[1, 1] * gap[0] - jacobian[0, 1] * gap[1], jacobian[0, 0] * gap[1] - jacobian[1, 0] * gap[0]]
            )
            local = local - step / det
            if np.abs(step / det).max(initial=0.0) < 1e-13:
                break
        return local

    def rows(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # (N, b) int, (N, b), (N, 2, b)
        """The degrees of freedom that matter at each point, the basis functions there, and their gradients."""
        element, local = self.places(x)
        dofs = self.basis.element_dofs[:, element].T
        values, slopes = gradients_of(self.basis.elem, self.nodes[:, :, element], local, dofs.shape[1])
        return dofs, values, slopes


def gradients_of(
    element: Element,
    nodes: np.ndarray,  # (2, 6, N)
    local: np.ndarray,  # (2, N)
    count: int,
) -> tuple[np.ndarray, np.ndarray]:  # (N, b), (N, 2, b)
    """The basis functions of an element and their gradients, at one place in each of some triangles."""
    _, dmap = quadratic(local)
    jacobian = np.einsum("ikn,kjn->ijn", nodes, dmap)
    det = jacobian[0, 0] * jacobian[1, 1] - jacobian[0, 1] * jacobian[1, 0]
    inverse = np.array([[jacobian[1, 1], -jacobian[0, 1]], [-jacobian[1, 0], jacobian[0, 0]]]) / det  # d local_i / d x_j
    values, slopes = [], []
    for i in range(count):
        phi, dphi = element.lbasis(local, i)
        values.append(phi)
        slopes.append(np.einsum("in,ijn->jn", dphi, inverse))
    return np.stack(values, axis=1), np.stack(slopes, axis=2).transpose(1, 0, 2)


def _excess(local: np.ndarray) -> np.ndarray:  # (2, N) -> (N,)
    return np.asarray(np.max([-local[0], -local[1], local.sum(axis=0) - 1], axis=0))


def quadratic(local: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (2, N) -> (6, N), (6, 2, N)
    """The quadratic basis of the reference triangle: corners, then the middles of (0, 1), (1, 2), (0, 2)."""
    x, y = local
    z, zero = 1 - x - y, np.zeros_like(x)
    phi = np.array([z * (2 * z - 1), x * (2 * x - 1), y * (2 * y - 1), 4 * x * z, 4 * x * y, 4 * y * z])
    by_x = np.array([1 - 4 * z, 4 * x - 1, zero, 4 * (z - x), 4 * y, -4 * y])
    by_y = np.array([1 - 4 * z, zero, 4 * y - 1, -4 * x, 4 * x, 4 * (z - y)])
    return phi, np.stack([by_x, by_y], axis=1)
