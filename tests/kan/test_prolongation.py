"""A prolonged spline is the same piecewise polynomial, inside its old grid and beyond."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kanpde.kan import BASES
from kanpde.kan.prolongation import prolonged


def _values(c: Tensor, breaks: Tensor, degree: int, x: Tensor, order: int = 0) -> Tensor:
    return c @ BASES["bspline"].table(x[None], breaks[None], degree, order)[order, 0]


def _case(degree: int, intervals: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(degree + 10 * intervals)
    breaks = torch.linspace(-1, 1, intervals + 1, dtype=torch.float64)
    breaks[1:-1] += (0.5 / intervals) * (torch.rand(intervals - 1, generator=generator, dtype=torch.float64) - 0.5)
    return torch.randn(3, intervals + degree, generator=generator, dtype=torch.float64), breaks


@pytest.mark.parametrize("degree", range(8))
@pytest.mark.parametrize("intervals", [1, 2, 6])
def test_the_polynomial_pieces_continue(degree: int, intervals: int) -> None:
    c, breaks = _case(degree, intervals)
    longer = torch.cat([breaks.new_tensor([-1.9, -1.5]), breaks, breaks.new_tensor([1.3, 1.4, 2.0])])
    new = prolonged(c, breaks, longer, degree)
    assert new.shape == (3, c.shape[1] + 5)
    inside, everywhere = torch.linspace(-1, 1, 301).double(), torch.linspace(-2.5, 2.5, 301).double()
    torch.testing.assert_close(_values(new, longer, degree, inside), _values(c, breaks, degree, inside), rtol=0, atol=1e-13)
    expected = _values(c, breaks, degree, everywhere)
    error = (_values(new, longer, degree, everywhere) - expected).abs().amax() / expected.abs().amax()
    assert error < 1e-13


def test_coefficients_away_from_the_ends_keep_every_bit() -> None:
    c, breaks = _case(3, 9)
    longer = torch.cat([breaks.new_tensor([-1.5]), breaks, breaks.new_tensor([1.5])])
    new = prolonged(c, breaks, longer, 3)
    # Of 12 old coefficients the two next to each end (k - 1 of them) see the end as a multiple knot.
    assert torch.equal(new[:, 3:11], c[:, 2:10])
    assert not torch.isclose(new[:, 2], c[:, 1]).any()


def test_only_points_beyond_the_ends_may_be_added() -> None:
    c, breaks = _case(3, 4)
    for wrong in (torch.cat([breaks, breaks.new_tensor([0.01])]).sort().values, breaks[1:]):
        with pytest.raises(ValueError, match="keeps the break points"):
            prolonged(c, breaks, wrong, 3)
