"""A straight line and the translates of one bell: what Gaussian, wavelet and ReLU-power edges have in common.

f(x) = c_0 + c_1 z + sum over j of c_{j+2} bell((x - x_j) / s_j), z the coordinate scaled to [-1, 1]. The centres x_j stand h
apart and go on beyond the ends, further for a higher degree, because what is smooth at an end needs bells on both its sides. The
two centres at the ends themselves are left out: the line stands in their place, as the polynomial does in interpolation by radial
functions. (Beside all centres it would be all but dependent; with the outermost ones left out instead, errors were 30 times as
large.)

Widths are in proportion to h, so the condition does not grow with G, and in return the error stops falling at a small ``floor``:
Maz'ya & Schmidt (2007), Approximate Approximations, chapter 2 (a function of that size is left between the centres); Wendland
(2005), Scattered Data Approximation, section 8.5 (polynomials beside radial functions).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from kanpde.kan.bspline import greville
from kanpde.kan.projection import project


class Translates(ABC):
    """The members of ``Basis`` for a bell that a subclass gives. Outside the grid the bells die out, and the line goes on."""

    name: str
    local = False  # equal intervals between the ends: centres follow the number of break points, not their places
    nested = False  # a bell is no sum of narrower ones, but all that a grid can say smoothly, a finer one can

    @abstractmethod
    def bell(self, t: Tensor, degree: int, order: int) -> Tensor:  # (...) -> (order + 1, ...)
        """The bell, of height one, and its derivatives."""

    def places(self, intervals: int, degree: int, like: Tensor) -> Tensor:  # (K - 2,)
        """The centres, in intervals from the lower end: (k + 1) / 2 beyond each end, rounded down."""
        beyond = (degree + 1) // 2
        spans = (-beyond, 0), (1, intervals), (intervals + 1, intervals + beyond + 1)
        return torch.cat([torch.arange(*span, dtype=like.dtype, device=like.device) for span in spans])

    @abstractmethod
    def widths(self, intervals: int, degree: int, like: Tensor) -> Tensor:  # (K - 2,)
        """The scale s_j of each translate, in intervals."""

    @abstractmethod
    def floor(self, degree: int) -> float:
        """The error, relative to the function, at which finer grids cease to help."""

    def size(self, intervals: int, degree: int) -> int:
        """G + 1 and twice (k + 1) / 2, rounded down."""
        return intervals + 1 + 2 * ((degree + 1) // 2)

    def order(self, degree: int) -> float:
        """Infinite for analytic functions, until the ``floor`` is reached."""
        return math.inf

    def polynomials(self, degree: int) -> int:
        """Straight lines."""
        return 1

    def table(self, x: Tensor, breaks: Tensor, degree: int, order: int) -> Tensor:  # (order + 1, n, K, N)
        """One, z, and the bells."""
        lower, upper = breaks[:, :1], breaks[:, -1:]
        intervals = breaks.shape[1] - 1
        h = (upper - lower) / intervals  # (n, 1)
        size = self.size(intervals, degree)
        z = (2 * x - lower - upper) / (upper - lower)  # (n, N)
        values = x.new_zeros(order + 1, x.shape[0], size, x.shape[1])
        values[0, :, 0] = 1
        values[0, :, 1] = z
        if order:
            values[1, :, 1] = 2 / (upper - lower)
        widths = self.widths(intervals, degree, x)
        places = self.places(intervals, degree, x)
        t = ((intervals / 2) * (z[:, None] + 1) - places[:, None]) / widths[:, None]  # (n, K - 2, N)
        bells = self.bell(t, degree, order)
        values[0, :, 2:] = bells[0]
        scale = 1 / (h[:, :, None] * widths[:, None])  # (n, K - 2, 1)
        for q in range(1, order + 1):
            torch.mul(bells[q], scale**q, out=values[q, :, 2:])
        return values

    def sites(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """Greville's points of as many splines on equal intervals: closer near the ends."""
        parts = torch.linspace(0, 1, breaks.shape[1], dtype=breaks.dtype, device=breaks.device)
        even = breaks[:, :1] + (breaks[:, -1:] - breaks[:, :1]) * parts
        intervals = breaks.shape[1] - 1
        return greville(even, self.size(intervals, degree) - intervals)

    def constant(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """The first function."""
        return self._single(breaks, degree, 0)

    def linear(self, breaks: Tensor, degree: int) -> Tensor:  # (n, K)
        """The second function."""
        return self._single(breaks, degree, 1)

    def decay(self, size: int) -> Tensor:  # (K,)
        """Ones: the bells are local."""
        return torch.ones(size)

    def extend(self, coefficients: Tensor, breaks: Tensor, finer: Tensor, degree: int) -> Tensor:
        """The projection; the line is kept exactly, for it is a function of both."""
        return project(self, coefficients, breaks, finer, degree)

    def _single(self, breaks: Tensor, degree: int, which: int) -> Tensor:
        coefficients = breaks.new_zeros(breaks.shape[0], self.size(breaks.shape[1] - 1, degree))
        coefficients[:, which] = 1
        return coefficients
