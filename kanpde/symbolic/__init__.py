"""From a solution in numbers to a closed form, and its proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kanpde.symbolic.find import find_formula, find_in_samples

__all__ = ["find_formula", "find_in_samples"]


def __getattr__(name: str) -> Any:
    # Late: the worker process imports this package too, and needs only sympy.
    if name not in __all__:
        raise AttributeError(f"module 'kanpde.symbolic' has no attribute '{name}'")
    from kanpde.symbolic import find

    return getattr(find, name)
