"""Kolmogorov-Arnold networks: bases, grids, edges, sum and product nodes, jets. Knows no differential equation."""

from kanpde.kan.bases import BASES, Basis
from kanpde.kan.bspline import insert_knots, local_basis, open_knots
from kanpde.kan.chebyshev import chebyshev, chebyshev_points
from kanpde.kan.edges import Edges
from kanpde.kan.fixing import symbolic_at
from kanpde.kan.grid import Grid
from kanpde.kan.growth import Growth, grown
from kanpde.kan.jets import MultiIndex
from kanpde.kan.layers import Layer
from kanpde.kan.monomials import Monomial
from kanpde.kan.network import KAN, separable
from kanpde.kan.pieces import Network, PiecewiseKAN, network_from_spec, smooth_part
from kanpde.kan.redistribute import by_curvature, by_residual, by_values
from kanpde.kan.symbolic_edges import FUNCTIONS, SymbolicEdges
from kanpde.kan.terms import Terms
from kanpde.kan.windows import WindowedKAN

__all__ = [
    "BASES",
    "FUNCTIONS",
    "KAN",
    "Basis",
    "Edges",
    "Grid",
    "Growth",
    "Layer",
    "Monomial",
    "MultiIndex",
    "Network",
    "PiecewiseKAN",
    "SymbolicEdges",
    "Terms",
    "WindowedKAN",
    "by_curvature",
    "by_residual",
    "by_values",
    "chebyshev",
    "chebyshev_points",
    "grown",
    "insert_knots",
    "local_basis",
    "network_from_spec",
    "open_knots",
    "separable",
    "smooth_part",
    "symbolic_at",
]
