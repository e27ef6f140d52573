"""What earlier data said about a network, without the data: rows that hold what they determined and leave free what they did not.

Around the network that was fitted, the sum over earlier points of squared errors grows by |R (theta - theta_0)|^2, where R is the
triangle of the QR decomposition of their Jacobian. It has as many rows as there are parameters, however many points there were,
and the next data's Jacobian is stacked below it. For a network of one layer, which is linear in its parameters, training on new
data with these rows gives what all data together would give (recursive least squares); for deeper ones it is true to first order
near theta_0. Sources: Golub & Van Loan (2013), Matrix Computations, section 6.5.3 (updating QR); Kirkpatrick et al. (2017), PNAS
114, 3521-3526 (the same idea with the diagonal of J^T J only).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from kanpde.kan import BASES, KAN, Edges
from kanpde.kan.bases import table
from kanpde.kan.projection import least_squares, samples
from kanpde.learn.data import Data
from kanpde.learn.penalties import Penalty

PIECE = 4_000_000  # numbers of a Jacobian that are held at once (32 MB)


@dataclass(frozen=True, eq=False)
class Memory:
    """``triangle`` (q, P) of all earlier points around ``network``, whose errors are measured by ``scale`` (m,)."""

    network: KAN
    triangle: Tensor  # (q, P), q <= P
    scale: Tensor  # (m,), in the units of the values
    points: int

    @classmethod
    @torch.no_grad()
    def of(cls, network: KAN, data: Data, before: Memory | None = None) -> Memory:
        """What ``data`` and all that is remembered of earlier data say about ``network``.

        The grids of the network may differ from those of the earlier one; its nodes may not (ValueError).
        """
        scale = data.scale if before is None else before.scale
        zero = (0,) * network.inputs
        parts = [] if before is None else [before.triangle @ before._back(network)]
        for x in data.x.split(max(64, PIECE // max(1, network.count * network.outputs))):
            _, pullback = network.linearise(x, [zero])
            rows = torch.diag(1 / scale)  # (m, m)
            parts += [pullback({zero: row[:, None].expand(-1, len(x))}).T for row in rows]
            parts = [torch.linalg.qr(torch.cat(parts), mode="r").R]
        return cls(network, parts[0], scale, data.points + (0 if before is None else before.points))

    def fits(self, network: KAN) -> bool:
        """Whether the network has the nodes and bases of the remembered one; its grids may differ."""
        return _shape(network) == _shape(self.network)

    def around(self, network: KAN, points: int) -> Penalty:
        """The rows for a network that is trained on ``points`` new ones: an earlier point counts as much as one of them."""
        whole = self.triangle @ self._back(network) / (points * network.outputs) ** 0.5  # (q, P')
        at = self.triangle @ _theta(self.network) / (points * network.outputs) ** 0.5
        return _Remembered(whole, at)

    @torch.no_grad()
    def error(self, network: KAN) -> float:
        """The root mean square, relative to ``scale``, of what a network has changed at the earlier points."""
        changed = self.triangle @ (self._back(network) @ _theta(network) - _theta(self.network))
        return float(changed.norm()) / (self.points * network.outputs) ** 0.5

    def _back(self, network: KAN) -> Tensor:  # (P, P')
        """The matrix that takes the parameters of ``network`` to those of the remembered one: each edge projected onto its grid.

        Exact where the network's functions, on the old range, are functions of the old grid: so where the grid has grown.
        """
        if not self.fits(network):
            raise ValueError("the network has other nodes or bases than the one that is remembered: only its grids may differ")
        blocks: list[Tensor] = []
        for old, new in zip(self.network.stack, network.stack, strict=True):
            for then, now in zip(old.edges, new.edges, strict=True):
                blocks += [block for block in _restriction(then, now) for _ in range(then.outputs)]
                blocks.append(_identity(then.count - then.coefficients.numel(), then.coefficients))
            blocks.append(_identity(0 if old.symbolic is None else old.symbolic.count, self.triangle))
        blocks.append(_identity(0 if self.network.terms is None else self.network.terms.count, self.triangle))
        return torch.block_diag(*(block for block in blocks if block.numel()))


class _Remembered(Penalty):
    """The rows matrix @ theta - at."""

    def __init__(self, matrix: Tensor, at: Tensor) -> None:  # (q, P), (q,)
        self._matrix, self._at = matrix, at
        self.rows = len(at)

    def residual(self, theta: Tensor) -> Tensor:
        """The rows."""
        return self._matrix @ theta - self._at

    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The rows and their Jacobian transposed."""
        return self.residual(theta), self._matrix.T


class Both(Penalty):
    """The rows of two penalties."""

    def __init__(self, first: Penalty, second: Penalty) -> None:
        self._parts = first, second
        self.rows = first.rows + second.rows

    def residual(self, theta: Tensor) -> Tensor:
        """The rows."""
        return torch.cat([part.residual(theta) for part in self._parts])

    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The rows and their Jacobian transposed."""
        rows, jacobians = zip(*(part.linearise(theta) for part in self._parts), strict=True)
        return torch.cat(rows), torch.cat(jacobians, 1)

    def gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The rows and J^T r."""
        rows, gradients = zip(*(part.gradient(theta) for part in self._parts), strict=True)
        return torch.cat(rows), gradients[0] + gradients[1]


def _restriction(old: Edges, new: Edges) -> Tensor:  # (n_in, K, K')
    """What takes the coefficients on one grid to those of the nearest functions on the other."""
    if torch.equal(old.breaks, new.breaks):
        return _identity(old.size, old.breaks).expand(old.inputs, -1, -1)
    basis = BASES[old.basis]
    x = samples(basis, old.breaks, old.degree)
    left, right = (table(x, group.breaks, basis, group.degree)[0].mT for group in (old, new))  # (n_in, N, K) and K'
    return least_squares(left, right)


def _identity(size: int, like: Tensor) -> Tensor:
    return torch.eye(size, dtype=like.dtype, device=like.device)


def _theta(network: KAN) -> Tensor:  # (P,)
    return parameters_to_vector(network.parameters()).detach()


def _shape(network: KAN) -> list[tuple[object, ...]]:
    """All that decides which parameter is which, but for the grids."""
    groups = [(g.inputs, g.outputs, g.basis, g.degree, g.base) for g in network.edges]
    layers = [(layer.sources, layer.targets, 0 if layer.symbolic is None else layer.symbolic.count) for layer in network.stack]
    return [*groups, *layers]
