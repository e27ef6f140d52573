"""Graphs in layers: every vertex above all that it depends on, few crossings, short lines. No graphviz.

The steps are those of Sugiyama, Tagawa & Toda (1981), IEEE Trans. SMC 11, 109-125: layers by the longest path from the leaves;
places on the way of long lines as vertices of their own; orders by the mean place of the neighbours, upwards and downwards by
turns; then places as near to the neighbours as the order and the widths allow.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

SWEEPS = 24  # upwards and downwards; orders seldom change after the tenth
GAP = 0.22  # inches between neighbours
THIN = 0.12  # inches that a line on its way takes


@dataclass
class Graph:
    """Vertices by name with what each is shown as and how wide it is; ``below[v]`` are those that it is made of."""

    labels: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    widths: dict[str, float] = field(default_factory=dict)
    below: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, label: str, kind: str, width: float, below: Sequence[str] = ()) -> str:
        """One more vertex; returns its name."""
        self.labels[name], self.kinds[name], self.widths[name], self.below[name] = label, kind, width, list(below)
        return name


@dataclass(frozen=True)
class Layout:
    """Where vertices stand, (x in inches, layer), and the ways of the lines from the lower to the upper vertex."""

    places: Mapping[str, tuple[float, int]]
    ways: Sequence[tuple[str, str, tuple[tuple[float, int], ...]]]
    width: float
    layers: int


def layout(graph: Graph) -> Layout:
    """Places for all vertices; leaves that are inputs stand at the bottom, other leaves just below what needs them."""
    level = _levels(graph)
    rows: list[list[str]] = [[] for _ in range(max(level.values()) + 1)]
    below: dict[str, list[str]] = {}
    chains = []
    for name in graph.labels:
        rows[level[name]].append(name)
    for upper, parts in graph.below.items():
        for lower in parts:
            chain = [lower]
            for step in range(level[lower] + 1, level[upper]):
                dummy = f"\0{lower}\0{upper}\0{step}"
                if dummy not in below:
                    rows[step].append(dummy)
                below[dummy] = [chain[-1]]
                chain.append(dummy)
            below.setdefault(upper, []).append(chain[-1])
            chains.append((lower, upper, [*chain, upper]))
    above: dict[str, list[str]] = {}
    for upper, parts in below.items():
        for lower in parts:
            above.setdefault(lower, []).append(upper)
    _order(rows, below, above)
    width = {name: graph.widths.get(name, THIN) for row in rows for name in row}
    x = _places(rows, below, above, width)
    left = min(x[n] - width[n] / 2 for n in x)
    x = {n: at - left for n, at in x.items()}
    at_level = {n: k for k, row in enumerate(rows) for n in row}
    ways = [(a, b, tuple((x[n], at_level[n]) for n in chain)) for a, b, chain in chains]
    places = {n: (x[n], at_level[n]) for n in graph.labels}
    return Layout(places, ways, max(x[n] + width[n] / 2 for n in x), len(rows))


def _levels(graph: Graph) -> dict[str, int]:
    """The longest path from the leaves; constants move up to just below the lowest vertex that needs them."""
    level: dict[str, int] = {}

    def of(name: str) -> int:
        if name not in level:
            level[name] = 1 + max((of(part) for part in graph.below[name]), default=-1)
        return level[name]

    for name in graph.labels:
        of(name)
    for name, parts in graph.below.items():
        if not parts and graph.kinds[name] != "input":
            users = [level[upper] for upper, lower in graph.below.items() if name in lower]
            level[name] = min(users, default=1) - 1
    return level


def _order(rows: list[list[str]], below: Mapping[str, list[str]], above: Mapping[str, list[str]]) -> None:
    """Sorts every row by the mean place of its neighbours in the row before, and keeps the best order met."""
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(SWEEPS):
        upwards = sweep % 2 == 0
        neighbours = below if upwards else above
        order = range(1, len(rows)) if upwards else range(len(rows) - 2, -1, -1)
        for k in order:
            place = {n: i for i, n in enumerate(rows[k - 1 if upwards else k + 1])}
            means = {}
            for i, n in enumerate(rows[k]):
                near = [place[m] for m in neighbours.get(n, ()) if m in place]
                means[n] = sum(near) / len(near) if near else float(i)
            rows[k].sort(key=means.__getitem__)
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    rows[:] = best


def _crossings(rows: Sequence[Sequence[str]], below: Mapping[str, list[str]]) -> int:
    count = 0
    for lower, upper in pairwise(rows):
        place = {n: i for i, n in enumerate(lower)}
        ends = [(i, place[m]) for i, n in enumerate(upper) for m in below.get(n, ()) if m in place]
        met: list[int] = []  # lower ends of the lines before, in order: a line crosses those that end further to the right
        for _, at in sorted(ends):
            count += len(met) - bisect_right(met, at)
            insort(met, at)
    return count


def _places(
    rows: Sequence[Sequence[str]], below: Mapping[str, list[str]], above: Mapping[str, list[str]], width: Mapping[str, float]
) -> dict[str, float]:
    """Each row moves towards the mean of its neighbours, as far as the order and the widths allow."""
    x: dict[str, float] = {}
    for row in rows:
        at = 0.0
        for name in row:
            x[name] = at + width[name] / 2
            at += width[name] + GAP
        for name in row:
            x[name] -= (at - GAP) / 2
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else list(reversed(rows)):
            wanted = []
            for name in row:
                near = [x[m] for m in (*below.get(name, ()), *above.get(name, ()))]
                wanted.append(sum(near) / len(near) if near else x[name])
            x |= dict(zip(row, _separated(wanted, [width[n] for n in row]), strict=True))
    return x


def _separated(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """The places nearest to those wanted (least squares) that keep order and distance: neighbours too close move as one block."""
    offsets, total = [], 0.0
    for k, w in enumerate(widths):
        total += (widths[k - 1] / 2 + w / 2 + GAP) if k else 0.0
        offsets.append(total)
    blocks: list[tuple[float, int]] = []  # mean of (wanted - offset), count
    for at, offset in zip(wanted, offsets, strict=True):
        blocks.append((at - offset, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, m), (b, n) = blocks[-2:]
            blocks[-2:] = [((a * m + b * n) / (m + n), m + n)]
    means = [mean for mean, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
