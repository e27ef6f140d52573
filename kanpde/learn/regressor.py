"""A network as a regressor of scikit-learn, for pipelines, searches and cross-validation; it works without scikit-learn too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kanpde.learn.estimator import Estimator, NotFitted, Regressor, validate_data
from kanpde.learn.regression import Regression

LARGEST_SEED = 2**31 - 1


class KANRegressor(Regressor, Estimator):  # type: ignore[misc]
    """A Kolmogorov-Arnold network fitted to data, in scikit-learn's words: ``fit``, ``predict``, ``score``.

    Parameters are those of ``kanpde.fit``, where each is explained; ``random_state`` is its seed (None draws one). After ``fit``,
    ``regression_`` is the ``Regression`` with all that can be done with it (prune, plot, formula); ``n_features_in_`` and, for
    data frames, ``feature_names_in_`` describe the inputs.
    """

    def __init__(
        self,
        widths: str | Sequence[Any] = "auto",
        *,
        grid: str | int = "auto",
        degree: str | int = "auto",
        basis: str = "auto",
        base: str | None = "zero",
        optimizer: str = "levenberg-marquardt",
        steps: int | None = None,
        batch: int | None = None,
        l1: float = 0.0,
        entropy: float = 0.0,
        smoothness: str | float = "auto",
        ridge: float = 0.0,
        validation: float = 0.2,
        budget: float = 60.0,
        device: str = "auto",
        dtype: str = "float64",
        random_state: Any = 0,
    ) -> None:
        self.widths = widths
        self.grid = grid
        self.degree = degree
        self.basis = basis
        self.base = base
        self.optimizer = optimizer
        self.steps = steps
        self.batch = batch
        self.l1 = l1
        self.entropy = entropy
        self.smoothness = smoothness
        self.ridge = ridge
        self.validation = validation
        self.budget = budget
        self.device = device
        self.dtype = dtype
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> KANRegressor:  # (N, d), (N,) or (N, m)
        """Fit a network to the points; what was fitted before is forgotten. Returns the regressor itself."""
        from kanpde.learn.fit import fit

        inputs, values = self._checked(X, y, reset=True)
        given = {name: value for name, value in self.get_params(deep=False).items() if name != "random_state"}
        words = {name: value for name, value in given.items() if value is not None or name == "base"}
        names = getattr(self, "feature_names_in_", None)
        self.regression_: Regression = fit(
            inputs, values, seed=self._seed(), names=None if names is None else [str(n) for n in names], **words
        )
        self._flat = values.ndim == 1
        return self

    def predict(self, X: Any) -> np.ndarray:  # (N, d) -> (N,) or (N, m)
        """The network's values at points; of the shape that ``y`` had."""
        if not self.__sklearn_is_fitted__():
            raise NotFitted(f"this {type(self).__name__} is not fitted yet: call fit(X, y) before predict(X)")
        points = self._checked(X, None, reset=False)
        found = self.regression_(points)
        return found if self._flat or found.ndim == 2 else found[:, None]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "regression_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _seed(self) -> int:
        """A number for the generators of ``kanpde.fit``."""
        state = self.random_state
        if state is None:
            return int(np.random.default_rng().integers(LARGEST_SEED))
        if isinstance(state, np.random.RandomState):
            return int(state.randint(LARGEST_SEED))
        return int(state.integers(LARGEST_SEED)) if isinstance(state, np.random.Generator) else int(state)

    def _checked(self, X: Any, y: Any, reset: bool) -> Any:
        """Arrays of finite numbers with as many columns as were fitted."""
        if validate_data is not None:
            words: dict[str, Any] = {"dtype": np.float64, "reset": reset}
            if reset:
                return validate_data(self, X, y, multi_output=True, y_numeric=True, ensure_min_samples=2, **words)
            return validate_data(self, X, **words)
        if not reset:
            return X
        names = getattr(X, "columns", None)
        if names is not None and all(isinstance(name, str) for name in names):
            self.feature_names_in_ = np.asarray(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        points = np.asarray(X)
        self.n_features_in_ = points.shape[1] if points.ndim == 2 else 1
        return X, np.asarray(y)
