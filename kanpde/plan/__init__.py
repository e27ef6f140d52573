"""How to solve: the method part of a problem file, every key with a default. No torch."""

from kanpde.plan.make import SpanOf, apply_setting, make_plan
from kanpde.plan.plan import DeepNetwork, Output, Plan, ReferencePlan, Sampling, SeparableNetwork, StagePlan, Symbolic
from kanpde.plan.schema import schema

__all__ = [
    "DeepNetwork",
    "Output",
    "Plan",
    "ReferencePlan",
    "Sampling",
    "SeparableNetwork",
    "SpanOf",
    "StagePlan",
    "Symbolic",
    "apply_setting",
    "make_plan",
    "schema",
]
