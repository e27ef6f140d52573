"""How to solve: the method part of a problem file, every key with a default. No torch."""

from kanpde.plan.plan import DeepNetwork, Output, Plan, ReferencePlan, Sampling, SeparableNetwork, StagePlan, Symbolic

__all__ = ["DeepNetwork", "Output", "Plan", "ReferencePlan", "Sampling", "SeparableNetwork", "StagePlan", "Symbolic"]
