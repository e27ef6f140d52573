"""Equations of one region of a problem whose coefficients jump, ties between two of them, and rows of given values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kanpde.assembly.operator import Key, Operator


def in_piece(name: str, piece: int) -> str:
    """The name of a field's copy in one region: the field's own in the first."""
    return f"{name}@{piece}" if piece else name


@dataclass
class InPiece:
    """An equation in one region: it sees that region's copies of the fields."""

    inner: Operator
    piece: int

    def __post_init__(self) -> None:
        self.linear = self.inner.linear
        self._own = {key: (in_piece(key[0], self.piece), key[1]) for key in self.inner.keys}
        self.keys = list(self._own.values())

    def __call__(self, points: Sequence[Tensor], jets: Mapping[Key, Tensor]) -> tuple[Tensor, dict[Key, Tensor]]:
        residual, slopes = self.inner(points, {key: jets[own] for key, own in self._own.items()})
        return residual, {self._own[key]: slope for key, slope in slopes.items()}

    def size(self, slopes: Mapping[Key, Tensor], lengths: Sequence[float]) -> float:
        """That of the equation."""
        return self.inner.size(slopes, lengths)


@dataclass
class Tie:
    """The same expression on both sides of an interface: their difference vanishes."""

    one: InPiece
    other: InPiece

    def __post_init__(self) -> None:
        self.linear = self.one.linear and self.other.linear
        self.keys = [*self.one.keys, *self.other.keys]

    def __call__(self, points: Sequence[Tensor], jets: Mapping[Key, Tensor]) -> tuple[Tensor, dict[Key, Tensor]]:
        (a, slopes), (b, others) = self.one(points, jets), self.other(points, jets)
        return a - b, slopes | {key: -slope for key, slope in others.items()}

    def size(self, slopes: Mapping[Key, Tensor], lengths: Sequence[float]) -> float:
        """The larger of both sides'."""
        return self.one.inner.size(slopes, lengths)


@dataclass
class Value:
    """Asks a field for given values, the last of the points' arguments."""

    key: Key
    unit: float = 1.0  # rows are divided by it
    linear: bool = True

    def __post_init__(self) -> None:
        self.keys = [self.key]

    def __call__(self, points: Sequence[Tensor], jets: Mapping[Key, Tensor]) -> tuple[Tensor, dict[Key, Tensor]]:
        return jets[self.key] - points[-1], {self.key: torch.ones_like(points[-1])}

    def size(self, slopes: Mapping[Key, Tensor], lengths: Sequence[float]) -> float:
        """The given unit."""
        return self.unit
