"""Least squares with a block-banded matrix and a border, by QR over groups of intervals.

A spline has k + 1 coefficients on every interval, so the rows of one interval reach k + 1 neighbouring block columns. Going
along the intervals, each group is reduced to a triangle whose finished rows are kept and whose rest is carried on; then the
unknowns follow backwards. No normal equations are formed: the digits are those of a dense QR, at a cost linear in the
number of intervals. Source: Golub & Van Loan (2013), sec. 5.2 and 6.5 (sequential QR); the border follows all block columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rows:
    """The rows that one interval contributes: ``matrix`` (n, (k + 1) r), ``border`` (n, b) or None, ``right`` (n, p)."""

    matrix: Tensor
    right: Tensor
    border: Tensor | None = None


def solve_banded(
    intervals: Sequence[Sequence[Rows]],  # for each of G intervals, groups of rows; columns start at block e of interval e
    block: int,  # r, the width of a block column
    degree: int,  # k: interval e reaches the block columns e .. e + k
    border: int = 0,  # b, columns that every row may reach
    group: int = 4,  # intervals a QR; 4 is fastest for blocks of about 12
    damping: float = 0.0,  # adds damping * |x|^2 to what is minimised
) -> tuple[Tensor, Tensor]:  # ((G + k) r, p), (b, p)
    """The x that minimises |A x - right|^2 + damping |x|^2, in block columns and border.

    Columns should be scaled to similar size first. Without damping, dependent columns give values that are not finite.
    """
    count = len(intervals)
    example = intervals[0][0].matrix
    width = intervals[0][0].right.shape[1]
    root = damping**0.5
    finished: list[tuple[int, int, Tensor]] = []  # first block, number of columns solved for, their rows
    carry: Tensor | None = None  # (rows, columns still open + border + p)
    for first in range(0, count, group):
        last = min(count, first + group)
        columns = (degree + last - first) * block
        total = columns + border + width
        done = (last - first) * block if last < count else columns + border
        own = sum(rows.matrix.shape[0] for e in range(first, last) for rows in intervals[e])
        carried = 0 if carry is None else carry.shape[0]
        ridge = done if damping > 0 else 0
        # stored transposed, so that its transpose is column-major for LAPACK; at least as many rows as columns
        stack = example.new_zeros(total, max(own + carried + ridge, columns + border))
        if carry is not None:
            open_columns = carry.shape[1] - border - width
            stack[:open_columns, :carried] = carry[:, :open_columns].T
            stack[columns:, :carried] = carry[:, open_columns:].T
        offset = carried
        for e in range(first, last):
            start = (e - first) * block
            for rows in intervals[e]:
                n, w = rows.matrix.shape
                stack[start : start + w, offset : offset + n] = rows.matrix.T
                if rows.border is not None:
                    stack[columns : columns + border, offset : offset + n] = rows.border.T
                stack[columns + border :, offset : offset + n] = rows.right.T
                offset += n
        if ridge:
            stack[:ridge, offset : offset + ridge] = root * torch.eye(ridge, dtype=example.dtype, device=example.device)
        triangle = torch.linalg.qr(stack.T, mode="r").R
        finished.append((first, done, triangle[:done]))
        carry = triangle[done : columns + border, done:] if last < count else None
    return _substitute(finished, (count + degree) * block, block, border, width)


def _substitute(finished: list[tuple[int, int, Tensor]], size: int, block: int, border: int, width: int) -> tuple[Tensor, Tensor]:
    """Back-substitution from the last group to the first."""
    first, done, rows = finished[-1]
    tail = torch.linalg.solve_triangular(rows[:, :done], rows[:, done:], upper=True)
    x = rows.new_zeros(size, width)
    x[first * block :] = tail[: done - border]
    edge = tail[done - border :]
    for first, done, rows in reversed(finished[:-1]):
        start = first * block
        open_columns = rows.shape[1] - border - width
        right = rows[:, open_columns + border :] - rows[:, done:open_columns] @ x[start + done : start + open_columns]
        if border:
            right = right - rows[:, open_columns : open_columns + border] @ edge
        x[start : start + done] = torch.linalg.solve_triangular(rows[:, :done], right, upper=True)
    return x, edge
