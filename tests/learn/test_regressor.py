"""KANRegressor in scikit-learn: its own checks, pipelines, searches; and without scikit-learn."""

import inspect
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import kanpde
from kanpde import KANRegressor
from kanpde.learn.estimator import PlainEstimator, PlainRegressor

QUICK = {"widths": "auto", "grid": 2, "steps": 5}


@parametrize_with_checks([KANRegressor(grid=1, degree=1, steps=2)])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([KANRegressor()])
def test_scikit_learns_own_checks_of_the_defaults(estimator, check):
    check(estimator)


def test_the_defaults_are_those_of_fit():
    ours, theirs = (inspect.signature(f).parameters for f in (KANRegressor, kanpde.fit))
    names = [name for name in ours if name != "random_state"]
    assert {name: ours[name].default for name in names} == {name: theirs[name].default for name in names}
    assert ours["random_state"].default == theirs["seed"].default


@pytest.fixture(scope="module")
def points():
    X = np.random.default_rng(0).uniform(-2, 3, (80, 2))
    return X, X[:, 0] ** 2 - X[:, 1]


def test_it_is_the_fit_of_kanpde(points):
    X, y = points
    ours = kanpde.fit(X, y, widths=[2, 1], grid=2, degree=3, seed=3)
    theirs = KANRegressor([2, 1], grid=2, degree=3, random_state=3).fit(X, y)
    np.testing.assert_array_equal(theirs.predict(X), ours(X))
    assert theirs.score(X, y) > 1 - 1e-12
    assert theirs.regression_.rmse == ours.rmse


def test_a_pipeline_and_a_search(points):
    X, y = points
    model = make_pipeline(StandardScaler(), KANRegressor(widths=[2, 1], grid=2))
    # a parabola stays one when it is scaled, but for the points of a fold beyond the others: there its tangent is taken
    assert cross_val_score(model, X, y, cv=3).min() > 1 - 1e-6
    search = GridSearchCV(KANRegressor(widths=[2, 1], grid=2), {"degree": [1, 2]}, cv=3).fit(X, y)
    assert search.best_params_ == {"degree": 2}
    assert search.best_score_ > 1 - 1e-6


def test_several_targets_keep_their_shape(points):
    X, y = points
    both = np.column_stack([y, -2 * y])
    found = KANRegressor(widths=[2, 2], grid=2).fit(X, both).predict(X)
    np.testing.assert_allclose(found, both, atol=1e-10)
    alone = MultiOutputRegressor(KANRegressor(widths=[2, 1], grid=2)).fit(X, both).predict(X)
    np.testing.assert_allclose(alone, both, atol=1e-10)
    assert KANRegressor(widths=[2, 1], grid=2).fit(X, y[:, None]).predict(X).shape == (80, 1)


def test_copies_do_the_same(points):
    X, y = points
    model = KANRegressor(**QUICK, random_state=7)
    copied = clone(model)
    assert copied.get_params() == model.get_params()
    first = model.fit(X, y).predict(X)
    np.testing.assert_array_equal(copied.fit(X, y).predict(X), first)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), first)


@pytest.mark.parametrize("state", [None, 5, np.random.RandomState(1), np.random.default_rng(1)])
def test_seeds_of_every_kind(state, points):
    X, y = points
    model = KANRegressor(widths=[2, 1], grid=2, random_state=state).fit(X, y)
    assert isinstance(model.regression_.settings["seed"], int)


WITHOUT = """
import sys
sys.modules["sklearn"] = None
import numpy as np
from kanpde import KANRegressor
X = np.random.default_rng(0).uniform(-1, 1, (50, 2))
y = X[:, 0] ** 2 - X[:, 1]
model = KANRegressor(widths=[2, 1], grid=2)
try:
    model.predict(X)
except ValueError as error:
    assert "not fitted yet" in str(error)
else:
    raise AssertionError
assert model.set_params(degree=2).get_params()["degree"] == 2
assert model.fit(X, y).score(X, y) > 1 - 1e-12
assert model.n_features_in_ == 2
assert repr(model) == "KANRegressor(degree=2, grid=2, widths=[2, 1])", repr(model)
"""


def test_it_works_without_scikit_learn():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_plain_base_classes_agree_with_scikit_learns(points):
    X, y = points

    class Plain(PlainRegressor, PlainEstimator):
        def __init__(self, slope=1.0):
            self.slope = slope

        def predict(self, X):
            return self.slope * X[:, 0]

    from sklearn.metrics import r2_score

    weight = np.abs(X[:, 1])
    for truth in (y, np.column_stack([y, y**2])):
        model = Plain(2.0)
        if truth.ndim == 2:
            model.predict = lambda X: np.column_stack([X[:, 0], X[:, 1]])
        assert model.score(X, truth, weight) == pytest.approx(r2_score(truth, model.predict(X), sample_weight=weight))
    assert repr(Plain(2.0)) == "Plain(slope=2.0)"
    with pytest.raises(ValueError, match="there is no parameter 'a'; there are slope"):
        Plain().set_params(a=1)
