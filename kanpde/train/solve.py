"""From a problem and a plan to a Solution: train, compress, estimate, and go on until the estimate meets the tolerance."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from kanpde.assembly import Lifted, RowBuilder
from kanpde.assembly.shape_rows import ShapeRows
from kanpde.errors import DivergedError, ProblemError, UnsupportedProblem
from kanpde.kan import KAN, Network
from kanpde.optimize.threads import threads
from kanpde.plan import DeepNetwork, Plan, Sampling
from kanpde.problem.types import Problem
from kanpde.results.history import Report, silent
from kanpde.results.solution import Solution
from kanpde.results.types import Estimate
from kanpde.train.compress import SHARE, compress
from kanpde.train.context import Context
from kanpde.train.estimate import METHOD, estimate, estimate_afresh
from kanpde.train.lifted import spline_axis, train_box, windowed
from kanpde.train.march import March
from kanpde.train.residual import fresh_residual
from kanpde.train.shape import network_of, terms_for, train_shape, trimmed
from kanpde.train.shape_march import march_shape

AHEAD = 0.04  # accuracy of a solve relative to the tolerance: errors of windows add up
LOOSE = 1e-6  # tolerance above which the accuracy follows slowly only: the indicators hold on resolved grids alone
FINEST = 100.0  # accuracy, in units of the round-off, below which nothing but round-off decides
ATTEMPTS = 5
RESOLVED, VISIBLE = 1e-6, 1e-7  # an indicated error so far below an estimate above the second one means a singular problem
UNDETERMINED = "what was found is not determined"
MEANINGLESS = 0.1  # an estimated relative error from which a solution has not a single digit


@dataclass(frozen=True)
class _Attempt:
    network: Network
    estimate: Estimate
    limit: str = ""  # what kept it from the tolerance


def solve(
    problem: Problem,
    plan: Plan,
    *,
    device: str = "cpu",
    dtype: str = "float64",
    report: Report = silent,
    checkpoint: Callable[[Solution], None] | None = None,
) -> Solution:
    """Trains to the tolerance of the plan. The solution's ``outcome`` says how it ended, ``converged`` whether well.

    Raises UnsupportedProblem for what this version does not solve, and DivergedError where nothing is usable; that
    and an interrupt are passed on after ``checkpoint`` has been given the solution so far, if there is any.
    """
    if problem.unsupported:
        remark = problem.unsupported[0]
        raise UnsupportedProblem(remark.message, remark.span, remark.hint)
    if plan.train == "lifted" and not isinstance(plan.network, DeepNetwork) and plan.sampling != Sampling():
        raise ProblemError(
            "lifted training ties its points to the knots and takes no 'sampling'",
            hint="leave 'sampling' out, or write 'train: all edges', or a list of stages",
        )
    if len(problem.fields) > 1 and not isinstance(plan.network, DeepNetwork) and plan.train != "lifted":
        raise ProblemError(
            "a separable network of several fields is trained in the lifted form only",
            hint="leave 'train' out, or write network.architecture: deep",
        )
    if not problem.domain.is_box and (plan.train != "lifted" or isinstance(plan.network, DeepNetwork)):
        raise ProblemError(
            "a problem on a shape is trained in the lifted form only", hint="leave 'train' and 'network.architecture' out"
        )
    context = Context(problem, plan, torch.device(device), getattr(torch, dtype), report)
    with torch.no_grad(), threads(1):
        builder: RowBuilder | ShapeRows
        lifted = plan.train == "lifted" and not isinstance(plan.network, DeepNetwork)
        terms = terms_for(context) if lifted else None
        if lifted and trimmed(problem, terms):
            builder = ShapeRows(problem, terms, context.device, context.dtype)
        else:
            builder = RowBuilder(problem, spline_axis(context), context.device, context.dtype)
        try:
            best = _train(context, builder) if isinstance(builder, RowBuilder) else _shape(context, builder)
        except (KeyboardInterrupt, DivergedError) as stop:
            so_far = _so_far(context, builder, "interrupted" if isinstance(stop, KeyboardInterrupt) else "stopped")
            if checkpoint is not None and so_far is not None:
                checkpoint(so_far)
            raise
        return _solution(context, best, _outcome(plan, best, context))


def _train(context: Context, builder: RowBuilder) -> _Attempt:
    """The way of training that the plan names."""
    plan = context.plan
    if isinstance(plan.network, DeepNetwork) and not isinstance(plan.train, tuple):
        return _deep(context, builder)
    if isinstance(plan.train, tuple):
        from kanpde.train.stages import train_stages

        network = train_stages(context)
        return _Attempt(network, estimate_afresh(context, builder, network), "the stages of the plan are done")
    if plan.train == "all edges":
        from kanpde.train.all_edges import train_all_edges

        network = train_all_edges(context, lambda net: estimate_afresh(context, builder, net))
        limit = "neither more product nodes nor more knots help" if context.left > 0 else _spent(plan)
        return _Attempt(network, estimate_afresh(context, builder, network), limit)
    return _lifted(context, builder)


def _deep(context: Context, builder: RowBuilder) -> _Attempt:
    """A deep network by default settings."""
    from kanpde.kan import WindowedKAN
    from kanpde.train.deep import train_deep
    from kanpde.train.deep_estimate import estimate_windows

    network = train_deep(context)
    if isinstance(network, WindowedKAN):
        value, limit = estimate_windows(context, builder, network), "shorter windows would cost more than they gain"
    else:
        value, limit = estimate_afresh(context, builder, network), "finer grids no longer help"
    return _Attempt(network, value, limit if context.left > 0 else _spent(context.plan))


def _shape(context: Context, rows: ShapeRows) -> _Attempt:
    """Training in the trimmed form."""
    result = train_shape(context, rows) if rows.time is None else march_shape(context, rows)
    context.tell("estimate", estimate=result.estimate.value)
    return _Attempt(result.network, result.estimate, result.limit)


def _lifted(context: Context, builder: RowBuilder) -> _Attempt:
    """Lifted training with an accuracy that is tightened until the estimate of the compressed network meets the tolerance."""
    tolerance = context.plan.tolerance
    finest = FINEST * torch.finfo(context.dtype).eps
    timed = windowed(context)
    accuracy = max(AHEAD * min(tolerance, LOOSE) * max(1.0, tolerance / LOOSE) ** 0.25, finest)
    best: _Attempt | None = None
    box: Lifted | None = None
    for _ in range(ATTEMPTS):
        try:
            if timed:
                march = March(context, builder, accuracy).run()
                pieces, complete = march.windows, march.complete
            else:
                box = train_box(context, builder, accuracy, box)
                pieces, complete = [box], True
        except DivergedError:
            if best is None:
                raise
            return _Attempt(best.network, best.estimate, "a tighter solve failed")
        if not complete:
            if best is None:
                raise DivergedError(
                    f"the budget of {context.plan.budget:g} s ended before the time interval did",
                    hint="raise the budget, or loosen the tolerance",
                )
            return _Attempt(best.network, best.estimate, _spent(context.plan))
        network = compress(context, builder, pieces, accuracy, max(0.1 * tolerance, SHARE * accuracy))
        now = _Attempt(network, estimate(context, builder, network, pieces))
        if context.plan.polish:
            now = _polished(context, builder, pieces, now)
        context.tell("estimate", estimate=now.estimate.value)
        improved = best is None or now.estimate.value < best.estimate.value
        stalled = best is not None and now.estimate.value > 0.5 * best.estimate.value
        best = now if improved or best is None else best
        if best.estimate.value <= tolerance:
            return best
        if context.left < 0 or context.short:
            return _Attempt(best.network, best.estimate, _spent(context.plan))
        if stalled or accuracy <= finest:
            return _Attempt(best.network, best.estimate, _floor(best.estimate, context))
        accuracy = max(finest, accuracy * min(0.3, max(0.01, 0.5 * tolerance / now.estimate.value)))
    assert best is not None
    return _Attempt(best.network, best.estimate, _floor(best.estimate, context))


def _polished(context: Context, builder: RowBuilder, pieces: list[Lifted], before: _Attempt) -> _Attempt:
    """All edges trained once more together; kept if the estimate does not rise, since a smaller residual is no smaller error."""
    from kanpde.train.polish import polish

    assert isinstance(before.network, KAN)  # lifted training makes no pieces
    network = polish(context, before.network)
    after = _Attempt(network, estimate(context, builder, network, pieces))
    if after.estimate.value <= before.estimate.value:
        return after
    context.tell("message", "polish", message="polished edges are not kept: the estimate rose")
    return before


def _spent(plan: Plan) -> str:
    return f"the budget of {plan.budget:g} s is spent"


def _floor(value: Estimate, context: Context) -> str:
    """What keeps an estimate from falling further."""
    if context.limit:
        return context.limit
    if value.value < 1e7 * torch.finfo(context.dtype).eps:
        precision = "double" if context.dtype == torch.float64 else "single"
        return f"finer grids no longer help: the round-off of {precision} precision limits the error"
    last = context.history.stages[-1].estimate if context.history.stages else None
    if last is not None and last < RESOLVED * value.value and value.value > VISIBLE:
        return (
            f"{UNDETERMINED}: the grid resolves it to {max(last, 1e-15):.0e}, and yet a correction changes it; "
            "the problem has no solution, or more than one (a constant that no condition fixes, a resonance)"
        )
    if value.value >= MEANINGLESS:
        return "finer grids do not help: the problem may have no solution, more than one, or one that is not smooth"
    return "finer grids no longer help: the solution may not be smooth enough for splines of this degree"


def _outcome(plan: Plan, best: _Attempt, context: Context) -> str:
    """One sentence: what was reached, and what kept it from more."""
    value = best.estimate.value
    if value <= plan.tolerance:
        return f"solved to the tolerance: estimated relative error {value:.1e}, tolerance {plan.tolerance:.1e}"
    if not math.isfinite(value):
        return "solved, but the error could not be estimated: the corrected solution is not finite"
    if value >= MEANINGLESS or best.limit.startswith(UNDETERMINED):
        return f"not solved: the estimated relative error is {value:.1e}; {best.limit}"
    return f"solved, but the tolerance {plan.tolerance:.1e} is missed: estimated relative error {value:.1e}; {best.limit}"


def _solution(context: Context, best: _Attempt, outcome: str) -> Solution:
    seconds = context.seconds
    if best.network.factors:
        context.history.rank = best.network.rank
    return Solution(
        problem=context.problem,
        plan=context.plan,
        network=best.network,
        history=context.history,
        outcome=outcome,
        converged=best.estimate.value <= context.plan.tolerance,
        estimate=best.estimate,
        residual=fresh_residual(context, best.network),
        seconds=seconds,
        device=str(context.device),
    )


def _so_far(context: Context, builder: RowBuilder | ShapeRows, word: str) -> Solution | None:
    """The last network, or what the finished windows or grids give; None before the first."""
    network = context.network
    if isinstance(builder, ShapeRows):
        if not context.pieces:
            return None
        found = _Attempt(network_of(context.pieces[-1], builder), Estimate(math.inf, METHOD))
        return _solution(context, found, f"{word} before the tolerance was reached")
    if network is None and context.pieces and all(bool(torch.isfinite(piece.c).all()) for piece in context.pieces):
        network = compress(context, builder, context.pieces, context.plan.tolerance, context.plan.tolerance)
    if network is None:
        return None
    reached = "before the tolerance was reached"
    last = context.pieces[-1].space.window if context.pieces else None
    if last is not None and context.problem.domain.time is not None:
        reached = f"at {context.problem.domain.time} = {last[1]:.4g}; beyond, the solution means nothing"
    return _solution(context, _Attempt(network, Estimate(math.inf, METHOD)), f"{word} {reached}")
