"""Base functions: every derivative is the derivative of the one before."""

from __future__ import annotations

import pytest
import torch

from kanpde.kan.base import BASE_FUNCTIONS


@pytest.mark.parametrize("name", BASE_FUNCTIONS)
def test_each_order_is_the_derivative_of_the_order_before(name: str) -> None:
    x = torch.linspace(-4, 4, 41, dtype=torch.float64, requires_grad=True)
    for order in range(6):
        value = BASE_FUNCTIONS[name](x, order)[order]
        (slope,) = torch.autograd.grad(value.sum(), x, allow_unused=True, materialize_grads=True)
        expected = BASE_FUNCTIONS[name](x.detach(), order + 1)[order + 1]
        assert slope.detach().tolist() == pytest.approx(expected.tolist(), abs=1e-11)


def test_values() -> None:
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)
    torch.testing.assert_close(BASE_FUNCTIONS["silu"](x, 0)[0], torch.nn.functional.silu(x))
    torch.testing.assert_close(BASE_FUNCTIONS["tanh"](x, 0)[0], torch.tanh(x))
    torch.testing.assert_close(BASE_FUNCTIONS["identity"](x, 0)[0], x)
