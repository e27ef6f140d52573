"""The method part of a problem file as pydantic models: the fields are the YAML keys, and give the JSON Schema."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

BasisName = Literal["bspline", "chebyshev", "legendre", "jacobi", "fourier", "rbf", "wavelet", "relu", "rational"]
OptimizerName = Literal["levenberg-marquardt", "gauss-newton", "adam", "lbfgs", "broyden"]
SamplingName = Literal["gauss", "sobol", "uniform", "residual-adaptive"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SeparableNetwork(_Section):
    """Product nodes: u(x, y) = sum over j of a_j(x) b_j(y), every factor a learnable spline. The default."""

    architecture: Literal["separable"] = "separable"
    basis: Literal["bspline"] = "bspline"
    degree: int | None = Field(
        default=None, ge=1, le=15, description="spline degree; chosen from the order of the equation if absent"
    )
    rank: int | None = Field(
        default=None, ge=1, le=512, description="largest number of product nodes; chosen by the error if absent"
    )
    grid: int | None = Field(default=None, ge=1, le=4096, description="intervals of the first, coarse grid; chosen if absent")


class DeepNetwork(_Section):
    """Sum nodes only, the Kolmogorov-Arnold network of Liu et al. (2024): edge = w_b b(x) + spline(x)."""

    architecture: Literal["deep"]
    hidden: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        default=(8,), min_length=1, description="nodes of each hidden layer"
    )
    basis: BasisName = "bspline"
    degree: int = Field(default=5, ge=1, le=30)
    base: Literal["silu", "identity", "tanh", "zero"] = "silu"
    grid: int = Field(default=5, ge=1, le=4096)


class StagePlan(_Section):
    """One stage of training: an optimiser, how long, and on which grid and points."""

    optimizer: OptimizerName = "levenberg-marquardt"
    steps: int = Field(default=100, ge=1)
    grid: int | None = Field(
        default=None, ge=1, le=4096, description="intervals of every edge; the grid of the stage before if absent"
    )
    sampling: SamplingName | None = None
    learning_rate: float = Field(default=1e-2, gt=0, description="Adam only")
    schedule: Literal["cosine", "plateau"] = Field(default="cosine", description="how Adam's learning rate falls")
    clip: float | None = Field(
        default=None, gt=0, description="Adam only: longest gradient, in units of its root mean square so far"
    )


class Sampling(_Section):
    """Where the residual is asked to vanish."""

    method: SamplingName = "gauss"
    points: int | None = Field(default=None, ge=16, description="inside the domain; from the number of parameters if absent")


class ReferencePlan(_Section):
    """The independent judge."""

    method: Literal["auto", "none", "exact", "finite elements", "harmonic", "method of lines", "spectral"] = "auto"
    seconds: float = Field(default=120.0, gt=0)


class Symbolic(_Section):
    """The search for a closed form."""

    enabled: bool = True
    seconds: float = Field(default=30.0, gt=0, description="for the whole search, the proof included")
    harvest: bool = Field(default=True, description="try the functions that the problem itself names: sources, given values")


class Output(_Section):
    """What is written, and on which grid the fields are stored."""

    grid: int = Field(default=201, ge=2, le=4097, description="points along each coordinate in solution.h5 and the figures")
    figures: bool = True
    report: bool = True


Train = Literal["lifted", "all edges"] | Annotated[tuple[StagePlan, ...], Field(min_length=1)]


class Plan(_Section):
    """Everything about the method. Equal plan and seed give an equal run."""

    tolerance: float = Field(default=1e-10, gt=0, description="target for the estimated relative L2 error")
    budget: float = Field(default=600.0, gt=0, description="seconds for training, compression and estimate")
    network: Annotated[SeparableNetwork | DeepNetwork, Field(discriminator="architecture")] = SeparableNetwork()
    train: Train = "lifted"
    polish: bool = Field(default=False, description="train all edges once more together at the end")
    sampling: Sampling = Sampling()
    reference: ReferencePlan = ReferencePlan()
    symbolic: Symbolic = Symbolic()
    output: Output = Output()
    seed: int = 0

    @field_validator("train")
    @classmethod
    def _grids_grow(cls, train: Train) -> Train:
        """A stage extends the grid of the one before, or keeps it: a coarser one would forget what is learned."""
        grids = [stage.grid for stage in train if isinstance(stage, StagePlan) and stage.grid is not None]
        for before, after in pairwise(grids):
            if after < before:
                raise ValueError(f"the grid shrinks from {before} to {after} intervals; later grids are not coarser")
        return train

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, values: object) -> object:
        """Accept ``network: {hidden: ...}``, ``reference: none``, ``symbolic: none`` and ``sampling: sobol``."""
        if not isinstance(values, dict):
            return values
        values = dict(values)
        for key, name in (("reference", "method"), ("sampling", "method")):
            if isinstance(values.get(key), str):
                values[key] = {name: values[key]}
        if values.get("symbolic") in ("none", False):
            values["symbolic"] = {"enabled": False}
        network = values.get("network")
        if isinstance(network, str):
            values["network"] = {"architecture": network}
        elif isinstance(network, dict) and "architecture" not in network:
            values["network"] = {"architecture": "deep" if "hidden" in network else "separable", **network}
        return values
