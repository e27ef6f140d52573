"""What ``KANRegressor`` inherits: scikit-learn's base classes where it is installed, and their few methods in plain words else.

Only ``kanpde.learn.regressor`` imports this, so that scikit-learn is loaded by those who ask for a regressor and nobody else.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np


class PlainEstimator:
    """Parameters by name, as scikit-learn has them; they are the arguments of ``__init__``, kept under the same names."""

    @classmethod
    def _get_param_names(cls) -> list[str]:
        return sorted(name for name in inspect.signature(cls.__init__).parameters if name != "self")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name; none of them has parameters of its own, so that ``deep`` changes nothing."""
        return {name: getattr(self, name) for name in self._get_param_names()}

    def set_params(self, **parameters: Any) -> Any:
        """Change parameters by name; raises ValueError for one that is not there. Returns the estimator itself."""
        known = self._get_param_names()
        for name, value in parameters.items():
            if name not in known:
                raise ValueError(f"there is no parameter '{name}'; there are {', '.join(known)}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        changed = (f"{n}={v!r}" for n, v in self.get_params().items() if repr(v) != repr(defaults[n].default))
        return f"{type(self).__name__}({', '.join(changed)})"


class PlainRegressor:
    """The score of a regressor, as scikit-learn defines it."""

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The coefficient of determination R^2, averaged over the targets: 1 is perfect, 0 no better than the mean."""
        truth, found = (np.asarray(a, dtype=float) for a in (y, self.predict(X)))  # type: ignore[attr-defined]
        truth, found = truth.reshape(len(truth), -1), found.reshape(len(found), -1)  # (N, m)
        weight = np.ones(len(truth)) if sample_weight is None else np.asarray(sample_weight, dtype=float)  # (N,)
        left = weight @ (truth - found) ** 2
        spread = weight @ (truth - weight @ truth / weight.sum()) ** 2
        constant = np.where(left == 0, 1.0, 0.0)  # a constant is met or not
        return float(np.mean(np.where(spread > 0, 1 - left / np.where(spread > 0, spread, 1), constant)))


Estimator: Any = PlainEstimator
Regressor: Any = PlainRegressor
NotFitted: type[Exception] = ValueError
validate_data: Any = None
"""scikit-learn's checks of the input, so that its users meet the messages they know; None without it."""

try:
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import validate_data as sklearn_checks
except ImportError:
    pass
else:
    Estimator, Regressor, NotFitted, validate_data = BaseEstimator, RegressorMixin, NotFittedError, sklearn_checks
