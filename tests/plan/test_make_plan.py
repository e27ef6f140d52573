"""The method part of a file as a plan, its errors in plain words, and settings from the command line."""

import pytest

from kanpde.errors import ProblemError
from kanpde.plan import DeepNetwork, Plan, SeparableNetwork, StagePlan, apply_setting, make_plan, schema


def test_every_key_has_a_default() -> None:
    plan = make_plan({})
    assert plan == Plan()
    assert (plan.tolerance, plan.budget, plan.train, plan.seed) == (1e-10, 600.0, "lifted", 0)
    assert isinstance(plan.network, SeparableNetwork)


def test_the_deep_network_of_the_examples() -> None:
    plan = make_plan(
        {
            "tolerance": 1e-5,
            "network": {"architecture": "deep", "hidden": [8], "basis": "bspline", "degree": 5},
            "train": [{"optimizer": "adam", "steps": 500, "grid": 5}, {"grid": 10}],
        }
    )
    assert plan.network == DeepNetwork(architecture="deep", hidden=(8,), degree=5)
    assert plan.train == (StagePlan(optimizer="adam", steps=500, grid=5), StagePlan(grid=10))


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({"reference": "none"}, {"reference": {"method": "none"}}),
        ({"sampling": "sobol"}, {"sampling": {"method": "sobol"}}),
        ({"symbolic": "none"}, {"symbolic": {"enabled": False}}),
        ({"network": "deep"}, {"network": {"architecture": "deep"}}),
        ({"network": {"hidden": [4]}}, {"network": {"architecture": "deep", "hidden": [4]}}),
    ],
)
def test_short_forms(short: dict, long: dict) -> None:
    assert make_plan(short) == make_plan(long)


@pytest.mark.parametrize(
    ("method", "message", "hint"),
    [
        ({"tolerance": -1}, "'tolerance' must be larger than 0, not -1", None),
        ({"tolerance": "small"}, "'tolerance' must be a number, not 'small'", None),
        ({"network": {"degre": 3}}, "there is no setting 'degre' in 'network'", "did you mean 'degree'?"),
        ({"network": {"degree": 0}}, "'network.degree' must be at least 1, not 0", None),
        ({"network": {"degree": 2.5}}, "'network.degree' must be an integer, not 2.5", None),
        ({"network": "dep"}, "'network.architecture' cannot be 'dep'", "did you mean 'deep'?"),
        ({"network": {"hidden": []}}, "'network.hidden' is an empty list", None),
        ({"train": "liftd"}, "train is 'lifted', 'all edges', or a list of stages, not 'liftd'", "did you mean 'lifted'?"),
        ({"train": [{"optimizer": "adm"}]}, "'train.0.optimizer' cannot be 'adm'", "did you mean 'adam'?"),
        ({"train": [{"step": 1}]}, "there is no setting 'step' in 'train.0'", "did you mean 'steps'?"),
        ({"train": []}, "'train' is an empty list", None),
        (
            {"train": [{"grid": 5}, {"grid": 3}]},
            "'train': the grid shrinks from 5 to 3 intervals; later grids are not coarser",
            None,
        ),
        ({"reference": "nne"}, "'reference.method' cannot be 'nne'", "did you mean 'none'?"),
        ({"seeds": 1}, "there is no setting 'seeds'", "did you mean 'seed'?"),
        ({"output": [1]}, "'output' must be a section of 'key: value' lines, not [1]", None),
    ],
)
def test_errors_in_plain_words(method: dict, message: str, hint: str | None) -> None:
    with pytest.raises(ProblemError) as caught:
        make_plan(method)
    assert caught.value.message.replace("'reference' cannot", "'reference.method' cannot") == message
    assert caught.value.hint == hint


def test_settings() -> None:
    method = {"reference": "none", "train": [{"steps": 3}]}
    assert apply_setting(method, "network.degree=5")["network"] == {"degree": 5}
    assert apply_setting(method, "train.0.steps=20")["train"] == [{"steps": 20}]
    assert apply_setting(method, "reference.seconds=1e1")["reference"] == {"method": "none", "seconds": 10.0}
    assert apply_setting(method, "network.hidden=[8, 8]")["network"] == {"hidden": [8, 8]}
    assert apply_setting(method, "train=all edges")["train"] == "all edges"
    assert apply_setting(method, "polish=true")["polish"] is True
    assert method == {"reference": "none", "train": [{"steps": 3}]}


@pytest.mark.parametrize("setting", ["network.degree", "=5", "network.=5", "train.3.steps=1", "seed.a=1", "seed=&a 1", "seed=[1"])
def test_settings_that_are_none(setting: str) -> None:
    with pytest.raises(ProblemError):
        apply_setting({"train": [{"steps": 3}], "seed": 1}, setting)


def test_the_schema_knows_every_key() -> None:
    from kanpde.problem.reader import MATHEMATICS, METHOD

    described = schema()
    assert set(described["properties"]) == {*MATHEMATICS, *METHOD} == {*MATHEMATICS, *Plan.model_fields}
    assert all(reference["$ref"].removeprefix("#/$defs/") in described["$defs"] for reference in _references(described))


def _references(node: object) -> list[dict[str, str]]:
    if isinstance(node, dict):
        return ([node] if "$ref" in node else []) + [r for value in node.values() for r in _references(value)]
    return [r for item in node for r in _references(item)] if isinstance(node, list) else []
