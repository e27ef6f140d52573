"""The functions of the problem language on torch tensors, for ``kanpde.problem.evaluate.Program``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kanpde.problem.evaluate import NUMPY


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)


def _one(function: Callable[[Tensor], Tensor]) -> Callable[[Any], Tensor]:
    return lambda x: function(_tensor(x))


def _piecewise(*branches: Any) -> Tensor:
    """First branch whose condition holds; NaN where none does."""
    values, conditions = branches[0::2], branches[1::2]
    result = _tensor(float("nan"))
    for value, condition in zip(reversed(values), reversed(conditions), strict=True):
        if isinstance(condition, bool):
            result = _tensor(value) if condition else result
        else:
            result = torch.where(condition, _tensor(value).to(condition.device), result.to(condition.device))
    return result


def _by_scipy(name: str) -> Callable[..., Tensor]:
    """A special function that torch does not have: computed by scipy, and so not differentiable by autograd.

    The assembly needs no autograd through residuals: their derivatives come from sympy as further expressions.
    """

    def call(*arguments: Any) -> Tensor:
        like = next(a for a in arguments if isinstance(a, Tensor))
        numbers = [a.detach().cpu().numpy() if isinstance(a, Tensor) else a for a in arguments]
        return torch.as_tensor(np.array(NUMPY[name](*numbers))).to(like)

    return call


_DIRECT = {
    **{name: getattr(torch, name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "sqrt", "sign")},
    **{name: getattr(torch, name) for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh", "erf", "erfc", "floor")},
    "Abs": torch.abs,
    "sech": lambda x: 1 / torch.cosh(x),
    "csch": lambda x: 1 / torch.sinh(x),
    "coth": lambda x: 1 / torch.tanh(x),
    "sec": lambda x: 1 / torch.cos(x),
    "csc": lambda x: 1 / torch.sin(x),
    "cot": lambda x: 1 / torch.tan(x),
    "Not": torch.logical_not,
}

TORCH: Mapping[str, Callable[..., Any]] = {
    **{name: _by_scipy(name) for name in NUMPY},
    **{name: _one(function) for name, function in _DIRECT.items()},
    "atan2": lambda y, x: torch.atan2(_tensor(y), _tensor(x)),
    "Max": lambda *a: reduce(torch.maximum, [_tensor(v) for v in a]),
    "Min": lambda *a: reduce(torch.minimum, [_tensor(v) for v in a]),
    "Heaviside": lambda x, at_zero=0.5: torch.heaviside(_tensor(x), _tensor(at_zero).to(x)),
    "And": lambda *a: reduce(torch.logical_and, a),
    "Or": lambda *a: reduce(torch.logical_or, a),
    "piecewise": _piecewise,
}
"""sympy's name of a function -> what computes it."""
