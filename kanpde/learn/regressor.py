"""A network as a regressor of scikit-learn, for pipelines, searches and cross-validation; also without scikit-learn.

The protocol is spoken, not inherited: one class with and without scikit-learn, which is imported only when it is there already
to call us. Its checks of the input are used where it is installed, so that its users meet the messages they know.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from kanpde.learn.regression import Regression

LARGEST_SEED = 2**31 - 1


class KANRegressor:
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
        basis: str = "bspline",
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
        self._need_fit()
        points = self._checked(X, None, reset=False)
        found = self.regression_(points)
        return found if self._flat or found.ndim == 2 else found[:, None]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The coefficient of determination R^2, averaged over the targets: 1 is perfect, 0 no better than the mean."""
        truth, found = (np.asarray(a, dtype=float) for a in (y, self.predict(X)))
        truth, found = truth.reshape(len(truth), -1), found.reshape(len(found), -1)  # (N, m)
        weight = np.ones(len(truth)) if sample_weight is None else np.asarray(sample_weight, dtype=float)  # (N,)
        left = weight @ (truth - found) ** 2
        spread = weight @ (truth - weight @ truth / weight.sum()) ** 2
        constant = np.where(left == 0, 1.0, 0.0)  # a constant is met or not
        return float(np.mean(np.where(spread > 0, 1 - left / np.where(spread > 0, spread, 1), constant)))

    @classmethod
    def _parameters(cls) -> list[str]:
        return sorted(name for name in inspect.signature(cls.__init__).parameters if name != "self")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name; there are none of parameters, so that ``deep`` changes nothing."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **parameters: Any) -> KANRegressor:
        """Change parameters by name; raises ValueError for one that is not there. Returns the regressor itself."""
        known = self._parameters()
        for name, value in parameters.items():
            if name not in known:
                raise ValueError(f"Invalid parameter {name!r} for estimator {self}. Valid parameters are: {known!r}.")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        changed = [f"{n}={v!r}" for n, v in self.get_params().items() if not _same(v, defaults[n].default)]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "regression_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=True, multi_output=True),
            regressor_tags=RegressorTags(),
            input_tags=InputTags(),
        )

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
        if (validate := _sklearn_checks()) is not None:
            words: dict[str, Any] = {"dtype": np.float64, "reset": reset}
            if reset:
                return validate(self, X, y, multi_output=True, y_numeric=True, ensure_min_samples=2, **words)
            return validate(self, X, **words)
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

    def _need_fit(self) -> None:
        if self.__sklearn_is_fitted__():
            return
        message = (
            f"This {type(self).__name__} instance is not fitted yet. Call 'fit' with appropriate arguments before 'predict'."
        )
        if find_spec("sklearn") is None:
            raise ValueError(message)
        from sklearn.exceptions import NotFittedError

        raise NotFittedError(message)


def _sklearn_checks() -> Callable[..., Any] | None:
    """scikit-learn's own checks of the input, if it is installed in a version that lets others use them."""
    try:
        from sklearn.utils.validation import validate_data
    except ImportError:
        return None
    return validate_data  # type: ignore[no-any-return]


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and isinstance(a, (str, int, float)) and a == b)
