"""A boundary cut where something changes along it: where two conditions meet, the solution has a corner of angle pi."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from kanpde.geometry.boundary import Boundary, Corner, Loop
from kanpde.geometry.pieces import Piece

Label = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""x (N, 2), number of the piece (N,) -> (N,) numbers."""


def divided(boundary: Boundary, label: Label, samples: int) -> Boundary:
    """Every piece cut where ``label`` changes along it; a corner of angle pi at each cut, and between pieces of other labels."""
    pieces: list[Piece] = []
    corners: list[Corner] = []
    firsts: list[int] = []  # number of the first and, behind it, one past the last part of each piece
    for k, piece in enumerate(boundary.pieces):
        firsts.append(len(pieces))
        cuts = _changes(piece, lambda x, k=k: label(x, np.full(len(x), k)), samples)  # type: ignore[misc]
        parts = _parts(piece, cuts)
        pieces += parts
        at = firsts[-1]
        neighbours = list(pairwise(range(at, at + len(parts))))
        if piece.closed and cuts:
            neighbours.append((at + len(parts) - 1, at))
        corners += [_straight_on(pieces, before, after) for before, after in neighbours]
    firsts.append(len(pieces))
    corners += [_straight_on(pieces, firsts[k + 1] - 1, firsts[m]) for k, m in _smooth_changes(boundary, label, samples)]
    kept = [replace(c, before=firsts[c.before + 1] - 1, after=firsts[c.after]) for c in boundary.corners]
    loops = (Loop(tuple(m for k in loop.pieces for m in range(firsts[k], firsts[k + 1])), loop.area) for loop in boundary.loops)
    return Boundary(tuple(pieces), (*kept, *corners), tuple(loops), boundary.cusps)


def _smooth_changes(boundary: Boundary, label: Label, samples: int) -> list[tuple[int, int]]:
    """Pieces that go over into each other without a corner, with another label before than behind."""
    known = {(corner.before, corner.after) for corner in boundary.corners}
    pairs = [
        (k, m)
        for loop in boundary.loops
        for k, m in zip(loop.pieces, (*loop.pieces[1:], loop.pieces[0]), strict=True)
        if k != m and (k, m) not in known
    ]
    if not pairs:
        return []
    ends = 0.5 / samples
    before, after = (np.array(numbers) for numbers in zip(*pairs, strict=True))
    x = np.array([boundary.pieces[k].at(np.array([1 - ends]))[0] for k in before])
    y = np.array([boundary.pieces[m].at(np.array([ends]))[0] for m in after])
    cusps = np.array([bool((np.hypot(*(boundary.cusps - boundary.pieces[k].end).T) < 1e-9).any()) for k in before])
    changed = (label(x, before) != label(y, after)) & ~cusps
    return [pair for pair, change in zip(pairs, changed, strict=True) if change]


def _straight_on(pieces: list[Piece], before: int, after: int) -> Corner:
    along = pieces[after].velocity(np.zeros(1))[0]
    straight = pieces[before].straight and pieces[after].straight
    return Corner(pieces[after].start, math.pi, math.atan2(along[1], along[0]), before, after, straight)


def _parts(piece: Piece, cuts: list[float]) -> list[Piece]:
    if not cuts:
        return [piece]
    if piece.closed:  # from cut to cut around it, across the point where the parameter begins anew
        return [piece.part(a, b) for a, b in pairwise([*cuts, cuts[0] + 1])]
    return [piece.part(a, b) for a, b in pairwise([0.0, *cuts, 1.0])]


def _changes(piece: Piece, label: Callable[[np.ndarray], np.ndarray], samples: int) -> list[float]:
    """The s between 0 and 1 at which the label changes, by bisection to rounding."""
    s = (np.arange(samples) + 0.5) / samples  # off the ends, where the next piece begins
    values = label(piece.at(s))
    low, high = s[:-1], s[1:]
    if piece.closed:
        low, high, values = s, np.append(s[1:], s[0] + 1), np.append(values, values[0])
    change = np.flatnonzero(values[1:] != values[:-1])
    if not len(change):
        return []
    low, high, below = low[change], high[change], values[change]
    for _ in range(60):
        middle = (low + high) / 2
        same = label(piece.at(middle)) == below
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return sorted(float(t) % 1 if piece.closed else float(t) for t in (low + high) / 2)
