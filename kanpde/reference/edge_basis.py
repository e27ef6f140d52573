"""Integrals along edges of a curved mesh: points, normals, and the basis functions of the triangles that the edges belong to.

scikit-fem finds the points by inverting the map of each triangle to an absolute 1e-12 of its own coordinates, which cannot be had
for triangles of size 1e-6 in a corner. Here the points start in those coordinates, so that nothing is inverted.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from skfem import CellBasis

from kanpde.reference.in_triangles import gradients_of, quadratic

QUADRATURE = 7
ENDS = np.array([[[0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 1.0]]])
"""The ends of the three edges in the reference triangle, in scikit-fem's order."""


class EdgeBasis:
    """Some boundary edges (F,) of a mesh, with Q points on each."""

    def __init__(self, basis: CellBasis, facets: np.ndarray) -> None:
        mesh = basis.mesh
        element = mesh.f2t[0, facets]
        side = (mesh.t2f[:, element] == facets).argmax(axis=0)
        nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE)
        s = (1 + nodes) / 2
        local = ENDS[side, 0][:, None] * (1 - s)[:, None] + ENDS[side, 1][:, None] * s[:, None]  # (F, Q, 2)
        flat = local.reshape(-1, 2).T
        corners = mesh.doflocs[:, mesh.dofs.element_dofs][:, :, np.repeat(element, len(s))]  # (2, 6, F Q)
        phi, dphi = quadratic(flat)
        shape = (len(facets), len(s))
        self.x = np.einsum("ikn,kn->in", corners, phi).reshape(2, *shape)
        along = np.repeat(ENDS[side, 1] - ENDS[side, 0], len(s), axis=0).T
        velocity = np.einsum("ikn,kjn,jn->in", corners, dphi, along).reshape(2, *shape)
        speed = np.hypot(*velocity)
        normal = np.stack([velocity[1], -velocity[0]]) / speed
        centre = corners[:, :3].mean(axis=1).reshape(2, *shape)
        self.normal = normal * np.sign(((self.x - centre) * normal).sum(axis=0))
        self.weight = speed * weights / 2  # (F, Q)
        self.dofs = basis.element_dofs[:, element].T  # (F, b)
        values, slopes = gradients_of(basis.elem, corners, flat, self.dofs.shape[1])
        self.phi = values.reshape(*shape, -1)  # (F, Q, b)
        self.dphi = slopes.reshape(*shape, 2, -1)  # (F, Q, 2, b)
        self.size = basis.N

    def traces(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # (n,) -> (F, Q) three times
        """u, u_x and u_y at the points."""
        c = u[self.dofs]
        gradient = np.einsum("fqib,fb->ifq", self.dphi, c)
        return np.einsum("fqb,fb->fq", self.phi, c), gradient[0], gradient[1]

    def vector(self, g: np.ndarray) -> np.ndarray:  # (F, Q) -> (n,)
        """The integrals of g v."""
        found = np.zeros(self.size)
        np.add.at(found, self.dofs, np.einsum("fq,fqb->fb", g * self.weight, self.phi))
        return found

    def matrix(self, slopes: list[np.ndarray]) -> sparse.csr_matrix:  # three times (F, Q) -> (n, n)
        """The integrals of (g_0 u + g_1 u_x + g_2 u_y) v."""
        terms = (
            slopes[0][..., None] * self.phi
            + slopes[1][..., None] * self.dphi[:, :, 0]
            + slopes[2][..., None] * self.dphi[:, :, 1]
        )
        local = np.einsum("fq,fqa,fqb->fab", self.weight, self.phi, terms)
        b = self.dofs.shape[1]
        rows, columns = np.repeat(self.dofs, b, axis=1), np.tile(self.dofs, (1, b))
        return sparse.csr_matrix((local.ravel(), (rows.ravel(), columns.ravel())), shape=(self.size, self.size))
