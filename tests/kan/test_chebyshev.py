"""Chebyshev polynomials and their derivatives against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.polynomial import Chebyshev as Reference

from kanpde.kan import chebyshev, chebyshev_points


@pytest.mark.parametrize("order", range(5))
def test_derivatives_equal_those_of_numpy(order: int) -> None:
    x = torch.linspace(-0.4, 2.0, 31, dtype=torch.float64)
    values = chebyshev(x, 12, -0.5, 2.1, order)[order]
    for n in range(12):
        expected = (
            Reference.basis(n, domain=(-0.5, 2.1)).deriv(order)(x.numpy())
            if order
            else Reference.basis(n, (-0.5, 2.1))(x.numpy())
        )
        assert values[n].numpy() == pytest.approx(expected, rel=1e-9, abs=1e-9 * (np.abs(expected).max() + 1))


def test_points_are_the_zeros() -> None:
    x = chebyshev_points(9, -1.0, 3.0)
    assert (x.diff() > 0).all()
    assert float(chebyshev(x, 10, -1.0, 3.0)[0, 9].abs().max()) < 1e-13
