"""Polishing lowers the residual of all edges together, and never raises it."""

from __future__ import annotations

import math

import pytest
import torch
from made import POLYNOMIAL, spline_network

from kanpde.kan import KAN
from kanpde.plan import Plan
from kanpde.problem import read_text
from kanpde.results import Event
from kanpde.train.context import Context
from kanpde.train.polish import polish


def _context() -> tuple[Context, list[Event]]:
    events: list[Event] = []
    return Context(read_text(POLYNOMIAL, "case.yaml").problem, Plan(), report=events.append), events


def _exact(context: Context) -> KAN:
    return spline_network(context.problem.domain.bounds, [[lambda x: x * (1 - x)], [lambda t: 1 + t**3]])


def test_a_disturbed_network_comes_back() -> None:
    context, _ = _context()
    exact = _exact(context)
    disturbed = exact.extend(1)
    generator = torch.Generator().manual_seed(0)
    for p in disturbed.parameters():
        p.data += 1e-3 * torch.randn(p.shape, generator=generator, dtype=torch.float64)
    polished = polish(context, disturbed)
    x = torch.rand(300, 2, generator=generator, dtype=torch.float64) * torch.tensor([1.0, 2.0])
    before, after = (float((net(x) - exact(x)).detach().norm()) for net in (disturbed, polished))
    assert after < 1e-6 * before
    record = context.history.stages[-1]
    assert record.name == "polish"
    assert record.residual < 1e-9


def test_a_perfect_network_stays_as_it_is() -> None:
    context, _ = _context()
    exact = _exact(context)
    polished = polish(context, exact)
    x = torch.rand(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert float((polished(x) - exact(x)).detach().abs().max()) < 1e-12


def test_what_is_not_separable_is_left_alone() -> None:
    context, events = _context()
    net = KAN([2, 3, 1], generator=torch.Generator().manual_seed(0))
    assert polish(context, net) is net
    assert any("not polished" in event.message for event in events)


@pytest.mark.parametrize("left", [-1.0])
def test_a_spent_budget_leaves_the_network(left: float) -> None:
    context, _ = _context()
    context.began = -math.inf
    assert context.left < left
    net = _exact(context)
    assert polish(context, net) is net
