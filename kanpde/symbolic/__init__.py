"""From a solution in numbers to a closed form, and its proof.

Rungs of a ladder (``rungs``, of functions of one variable in ``curves``; ``fourier`` for series) propose forms that fit
samples of the solution; the problem's own equations take their numbers to forty digits, and exact constants take their place
(``constants``); every claim of the problem is then reduced to zero (``proof``). ``find`` does all of it, ``settle`` what
follows on a form. The same search names curves of measurements and edges of networks (``data``). docs/closed_forms.md tells it
with examples.
"""

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
