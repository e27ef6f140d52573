"""The result of a fit: what it says of itself is true, changes leave the old one alone, and a file brings it back."""

import pickle

import numpy as np
import pytest
import torch

import kanpde
from kanpde.errors import ProblemError
from kanpde.kan import KAN
from kanpde.learn.regression import Regression, widths

NAMES = ["x", "the wind"]


def cubic(X):
    return X[:, 0] ** 3 - 2 * X[:, 1]


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).uniform(-1, 1, (120, 2))


@pytest.fixture(scope="module")
def exact(points):
    """Splines of degree 3 hold a cubic exactly, so that training is a linear problem."""
    return kanpde.fit(points, cubic(points), widths=[2, 1], grid=3, degree=3, names=NAMES, targets=["u"], validation=0.25)


@pytest.fixture(scope="module")
def named(exact):
    return exact.auto_symbolic()


@pytest.fixture(scope="module")
def deep(points):
    y = np.exp(np.sin(np.pi * points[:, 0]) + points[:, 1] ** 2)
    return kanpde.fit(points, y, widths=[2, 2, 1], grid=3, degree=3, steps=15)


def test_errors_are_those_of_the_points(exact, points):
    assert exact.data.points == 90
    assert exact.validation.points == 30
    assert exact.rmse < 1e-13
    assert exact.validation_rmse < 1e-12
    assert np.abs(exact(points) - cubic(points)).max() < 1e-12
    noise = np.random.default_rng(1).normal(size=120)
    line = kanpde.fit(points, noise, widths=[2, 1], grid=1, degree=1, validation=0)
    design = np.column_stack([np.ones(120), points])
    left = noise - design @ np.linalg.lstsq(design, noise, rcond=None)[0]
    assert line.rmse == pytest.approx(np.sqrt(np.mean(left**2)), rel=1e-8)
    assert line.validation_rmse is None


def test_values_by_the_names_of_the_columns(exact):
    found = exact.values({"x": np.array([[0.5], [-0.5]]), "the wind": np.array([0.0, 0.25, 0.5])})["u"]
    np.testing.assert_allclose(found, [[0.125, -0.375, -0.875], [-0.125, -0.625, -1.125]], atol=1e-12)
    with pytest.raises(ValueError, match="missing for the wind"):
        exact.values({"x": 1.0})


@pytest.mark.parametrize(
    ("X", "said"), [(np.zeros(3), "wanted, with columns x, the wind"), ([[np.nan, 1]], "row 0 is not finite")]
)
def test_points_that_are_none_are_refused(exact, X, said):
    with pytest.raises(ValueError, match=said):
        exact(X)


def test_refining_changes_nothing_and_training_on_makes_it_better(deep, points):
    finer = deep.refine(6)
    assert min(finer.network.intervals) >= 6
    np.testing.assert_allclose(finer(points), deep(points), atol=1e-12)
    again = finer.refit(steps=10)
    assert again.relative(again.validation) <= deep.relative(deep.validation)
    assert again.history.iterations > deep.history.iterations
    assert again.seconds > deep.seconds
    assert deep.network.intervals != again.network.intervals


def test_pruning_says_what_goes(points):
    y = points[:, 0] ** 2  # of one input only
    whole = kanpde.fit(points, y, widths=[2, 3, 1], grid=3, steps=20, l1=1e-2)
    smaller = whole.prune(edges=0.05, nodes=0.05)
    assert smaller.live_edges < whole.live_edges
    assert widths(whole.network) == [2, 3, 1]
    assert "edges and" in smaller.outcome
    moved = np.sqrt(np.mean((smaller(points) - whole(points)) ** 2)) / np.std(whole(points))
    assert moved < 0.2
    scores = whole.attribution().inputs
    assert scores[0] > 10 * scores[1]


def test_a_network_that_cannot_be_smaller_stays_as_it_was(exact, points):
    same = exact.simplify()
    assert same.outcome.startswith("every node matters")
    np.testing.assert_array_equal(same(points), exact(points))


def test_an_edge_becomes_a_function_and_a_spline_again(exact, points):
    fixed = exact.fix_symbolic(0, 0, 0, "x^3")
    assert fixed.rmse < 1e-12
    assert fixed.network.stack[0].symbolic.functions == ("x^3",)
    back = fixed.free_symbolic(0, 0, 0)
    np.testing.assert_array_equal(back(points), exact(points))
    best = exact.suggest_symbolic(0, 0, 0)[0]
    assert best.function == "x^3"
    assert best.relative < 1e-12
    with pytest.raises(ValueError, match="no layer 3"):
        exact.free_symbolic(3, 0, 0)


def test_all_edges_known_give_the_formula(named):
    assert named.formula.status == "verified numerically"
    assert named.formula.coordinates == ("x", "the_wind")
    at = np.linspace(-2, 2, 9)  # beyond the data too
    np.testing.assert_allclose(named.formula(x=at, the_wind=-at), at**3 + 2 * at, atol=1e-9)
    assert named.refine(8).formula is None


def test_a_file_brings_everything_back(deep, named, points, tmp_path):
    for number, one in enumerate((deep.fix_symbolic(0, 1, 0, "x^2"), named, deep.prune())):
        path = tmp_path / f"{number}.h5"
        one.save(path)
        back = kanpde.load(path)
        assert isinstance(back, Regression)
        np.testing.assert_array_equal(back(points), one(points))
        assert (back.names, back.targets, back.outcome) == (one.names, one.targets, one.outcome)
        assert back.rmse == one.rmse
        assert back.formula == one.formula
        assert back.history == one.history
        assert back.summary() == one.summary()
        again = back.refit(steps=2)  # the points are there too
        assert again.data.points == one.data.points


def test_other_formats(exact, points, tmp_path):
    exact.save(tmp_path / "net.pt")
    network = KAN.load(tmp_path / "net.pt")
    np.testing.assert_array_equal(network(torch.from_numpy(points)).detach().numpy()[:, 0], exact(points))
    exact.save(tmp_path / "net.pt2")
    run = torch.export.load(tmp_path / "net.pt2").module()
    np.testing.assert_allclose(run(torch.from_numpy(points)).detach().numpy()[:, 0], exact(points), atol=1e-13)
    exact.save(tmp_path / "points.csv")
    table = np.genfromtxt(tmp_path / "points.csv", delimiter=",", skip_header=1)[:, :4]
    np.testing.assert_allclose(table[:, 3], cubic(table), atol=1e-12)
    with pytest.raises(ProblemError, match=r"cannot be written as '\.xyz'"):
        exact.save(tmp_path / "a.xyz")
    with pytest.raises(ProblemError, match="no formula was found"):
        exact.save(tmp_path / "a.tex")


def test_files_of_others_are_refused(tmp_path):
    import h5py

    with pytest.raises(ProblemError, match="there is no fit"):
        Regression.load(tmp_path)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(ProblemError, match="no fit that this version"):
        Regression.load(tmp_path / "a.h5")


def test_it_says_what_it_is(exact):
    text = str(exact)
    assert text.startswith("u from x, the wind\n")
    assert "2 -> 1, bspline of degree 3, grid 3, " in text
    assert "90 points" in text
    assert "30 points" in text
    assert repr(exact).startswith("<Regression u of x, the wind: 2 -> 1")


def test_it_pickles(exact, points):
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(exact))(points), exact(points))


@pytest.mark.parametrize(("word", "said"), [("widths", "has no word 'widths'; fit a new one"), ("nonsense", "nonsense")])
def test_words_that_training_does_not_have(exact, word, said):
    with pytest.raises(ValueError, match=said):
        exact.refit(**{word: 1})
