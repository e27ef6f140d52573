"""What earlier data said about a network, without their values: rows that hold what they determined and leave the rest free.

A network of one layer is linear in its parameters. Around its fit, the sum over earlier points of squared errors grows by
|R (theta - theta_0)|^2, where R is the triangle of the QR decomposition of their Jacobian: as many rows as parameters, however
many points there were, and the next data's Jacobian is stacked below it. Training on new data with these rows gives what all data
together would give (recursive least squares; Golub & Van Loan 2013, Matrix Computations, section 6.5.3).

For deeper networks that is true near theta_0 only, and further data lead away from it. There the network that was keeps telling
its own values at a sample of the earlier inputs (rehearsal: Robins 1995, Connection Science 7, 123-146).
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
from kanpde.learn.objective import Misfit
from kanpde.learn.penalties import Penalty

PIECE = 4_000_000  # numbers of a Jacobian that are held at once (32 MB)
PLACES = 2000  # earlier inputs that are kept; hidden grids have to hold their values too


@dataclass(frozen=True, eq=False)
class Memory:
    """``points`` earlier points around ``network``: a sample of their ``places`` (n, d), and of a linear network their
    ``triangle`` (q, P); errors are measured by ``scale`` (m,), in the units of the values."""

    network: KAN
    points: int
    places: Tensor  # (n, d)
    scale: Tensor  # (m,)
    triangle: Tensor | None  # (q, P), q <= P

    @classmethod
    @torch.no_grad()
    def of(cls, network: KAN, data: Data, before: Memory | None = None) -> Memory:
        """What ``data`` and all that is remembered of earlier data say about ``network``.

        The grids of the network may differ from those of the earlier one; its nodes may not (ValueError).
        """
        if before is None:
            return cls(network, data.points, _some(data.x, PLACES), data.scale, _triangle(network, data.x, data.scale, []))
        points = before.points + data.points
        share = round(PLACES * before.points / points)
        places = torch.cat([_some(before.places, share), _some(data.x, PLACES - share)])
        rows = [] if before.triangle is None else [before.triangle @ before._back(network)]
        return cls(network, points, places, before.scale, _triangle(network, data.x, before.scale, rows))

    def fits(self, network: KAN) -> bool:
        """Whether the network has the nodes and bases of the remembered one; its grids may differ."""
        return _shape(network) == _shape(self.network)

    def around(self, network: KAN, points: int) -> Penalty:
        """The rows for a network that is trained on ``points`` new ones: an earlier point counts as much as one of them."""
        if self.triangle is None:
            return _Rehearsed(network, self._own(), self.scale, (self.points / points) ** 0.5)
        whole = self.triangle / (points * network.outputs) ** 0.5
        return _Held(whole @ self._back(network), whole @ _theta(self.network))

    @torch.no_grad()
    def error(self, network: KAN) -> float:
        """The root mean square, relative to ``scale``, of what a network has changed at the earlier points (or the sample)."""
        if self.triangle is None:
            return float(((network(self.places) - self.network(self.places)) / self.scale).square().mean().sqrt())
        changed = self.triangle @ (self._back(network) @ _theta(network) - _theta(self.network))
        return float(changed.norm()) / (self.points * network.outputs) ** 0.5

    @torch.no_grad()
    def _own(self) -> Data:
        """What the network says at the places."""
        names, targets = ([f"{n}" for n in range(count)] for count in (self.network.inputs, self.network.outputs))
        ends = torch.stack(self.places.aminmax(dim=0), 1)
        return Data(self.places, self.network(self.places), tuple(names), tuple(targets), ends)

    def _back(self, network: KAN) -> Tensor:  # (P, P')
        """The matrix that takes the parameters of ``network`` to those of the remembered one: each edge projected onto its grid.

        Exact where the network's functions, on the old range, are functions of the old grid: so where the grid has grown.
        """
        if not self.fits(network):
            raise ValueError("the network has other nodes or bases than the one that is remembered: only its grids may differ")
        blocks: list[Tensor] = []
        for then, now in zip(self.network.edges, network.edges, strict=True):
            blocks += [block for block in _restriction(then, now) for _ in range(then.outputs)]
            blocks.append(_identity(then.count - then.coefficients.numel(), then.coefficients))
        blocks.append(_identity(0 if self.network.terms is None else self.network.terms.count, self.places))
        return torch.block_diag(*(block for block in blocks if block.numel()))


class _Held(Penalty):
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


class _Rehearsed(Penalty):
    """The misfit to a network's own values, times a factor."""

    def __init__(self, network: KAN, data: Data, scale: Tensor, factor: float) -> None:
        self._misfit, self._factor = Misfit(network, data, scale=scale), factor
        self.rows = self._misfit.rows

    def residual(self, theta: Tensor) -> Tensor:
        """The rows."""
        return self._factor * self._misfit.residual(theta)

    def linearise(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The rows and their Jacobian transposed."""
        r, transposed = self._misfit.linearise(theta)
        return self._factor * r, self._factor * transposed

    def gradient(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The rows and J^T r."""
        r, gradient = self._misfit.gradient(theta)
        return self._factor * r, self._factor**2 * gradient


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


def _triangle(network: KAN, x: Tensor, scale: Tensor, parts: list[Tensor]) -> Tensor | None:  # (q, P)
    """R of the rows in ``parts`` and of the Jacobian at x, of a network that is linear in its parameters."""
    (layer, *more) = network.stack
    if more or layer.products or layer.symbolic is not None:
        return None
    zero = (0,) * network.inputs
    for piece in x.split(max(64, PIECE // max(1, network.count * network.outputs))):
        _, pullback = network.linearise(piece, [zero])
        rows = torch.diag(1 / scale)  # (m, m)
        parts = [*parts, *(pullback({zero: row[:, None].expand(-1, len(piece))}).T for row in rows)]
        parts = [torch.linalg.qr(torch.cat(parts), mode="r").R]
    return parts[0]


def _restriction(old: Edges, new: Edges) -> Tensor:  # (n_in, K, K')
    """What takes the coefficients on one grid to those of the nearest functions on the other."""
    if torch.equal(old.breaks, new.breaks):
        return _identity(old.size, old.breaks).expand(old.inputs, -1, -1)
    basis = BASES[old.basis]
    x = samples(basis, old.breaks, old.degree)
    left, right = (table(x, group.breaks, basis, group.degree)[0].mT for group in (old, new))  # (n_in, N, K) and K'
    return least_squares(left, right)


def _some(x: Tensor, most: int) -> Tensor:
    """At most so many of the rows, evenly among all."""
    return x if len(x) <= most else x[torch.linspace(0, len(x) - 1, most, device=x.device).long()]


def _identity(size: int, like: Tensor) -> Tensor:
    return torch.eye(size, dtype=like.dtype, device=like.device)


def _theta(network: KAN) -> Tensor:  # (P,)
    return parameters_to_vector(network.parameters()).detach()


def _shape(network: KAN) -> list[tuple[object, ...]]:
    """All that decides which parameter is which, but for the grids."""
    groups = [(g.inputs, g.outputs, g.basis, g.degree, g.base) for g in network.edges]
    layers = [(layer.sources, layer.targets, 0 if layer.symbolic is None else layer.symbolic.count) for layer in network.stack]
    return [*groups, *layers]
