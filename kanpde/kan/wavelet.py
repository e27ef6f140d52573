"""Mexican hats (1 - t^2) exp(-t^2 / 2) of dyadic widths and a straight line, with all derivatives."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from kanpde.kan.translates import Translates

FLOORS = {1: 5e-2, 2: 1e-2, 3: 5e-4, 4: 1e-4, 5: 3e-5, 6: 2e-5}  # by degree, measured on sin(8 x + 0.4)


class Wavelet(Translates):
    """Mexican hats, one a centre, of width 2^v h where 2^v divides the centre's number, and a straight line.

    Of any two neighbours one is narrow, of any four one twice as wide, and so on: hats of one width only would have a condition
    number that grows with G^2, for their integral and first moment vanish. The floor is 3e-5 of the function at k = 5, 5e-4 at
    k = 3. They stand up to the ends only, and (k - 3) / 2 intervals beyond.
    Source: Daubechies (1992), Ten Lectures on Wavelets, section 3.3.5 (Mexican hats on dyadic grids).
    """

    name = "wavelet"

    def bell(self, t: Tensor, degree: int, order: int) -> Tensor:
        """Minus the second derivative of the Gaussian g: g^(q) = -t g^(q-1) - (q - 1) g^(q-2)."""
        g = t.new_empty(order + 3, *t.shape)
        g[0] = torch.exp(t * t * -0.5)
        g[1] = -t * g[0]
        for q in range(2, order + 3):
            g[q] = -t * g[q - 1] - (q - 1) * g[q - 2]
        return -g[2:]

    def size(self, intervals: int, degree: int) -> int:
        """G + k: hats that hardly reach into the grid would be all but dependent, for those of twice their width do, too."""
        return intervals + max(degree, 1)

    def places(self, intervals: int, degree: int, like: Tensor) -> Tensor:  # (K - 2,)
        """Symmetric around the middle, the ends for k = 3, and one more beyond each end for every two more degrees."""
        count = self.size(intervals, degree) - 2
        return torch.arange(count, dtype=like.dtype, device=like.device) + (intervals - count + 1) / 2

    def widths(self, intervals: int, degree: int, like: Tensor) -> Tensor:  # (K - 2,)
        """Powers of two."""
        return like.new_tensor(_dyadic(self.size(intervals, degree) - 2, intervals))

    def floor(self, degree: int) -> float:
        """Set by the ends, and by the hats of the finest width."""
        return FLOORS.get(degree, 1e-5)


@lru_cache(maxsize=256)
def _dyadic(count: int, intervals: int) -> tuple[float, ...]:
    """2^v for the numbers of the centres, counted from the middle; none is wider than the grid."""
    most = max(intervals.bit_length() - 1, 0)
    numbers = [abs(j - (count - 1) // 2) for j in range(count)]
    return tuple(2.0 ** (most if n == 0 else min((n & -n).bit_length() - 1, most)) for n in numbers)
