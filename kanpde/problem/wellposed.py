"""Is the problem complete? Equations against unknowns, initial conditions against the order in time, conditions at every end."""

from __future__ import annotations

from collections.abc import Iterator

from kanpde.errors import ProblemError, Span, UnsupportedProblem
from kanpde.problem.balance import balance
from kanpde.problem.contradictions import contradictions
from kanpde.problem.coverage import coverage
from kanpde.problem.direction import direction
from kanpde.problem.levels import levels
from kanpde.problem.orders import order_together, time_orders
from kanpde.problem.real_form import real_form
from kanpde.problem.rim import rim
from kanpde.problem.text import Mapping
from kanpde.problem.types import Problem, Remark, jet_symbol


def check(problem: Problem, root: Mapping) -> tuple[Remark, ...]:
    """Raise ProblemError for what cannot be solved as it stands; remarks for what probably has no unique solution."""
    _count_equations(problem, root)
    _check_initial(problem, root)
    found = [*_undetermined(problem, root)]
    sides = rim(problem)
    found += contradictions(problem, sides)
    if problem.data is None:
        span = _span(root, "boundary", "domain")
        found += [*coverage(problem, sides, span), *levels(problem, _span(root, "boundary", "equations", "equation"))]
        found += [*balance(problem, sides, span), *direction(problem, sides)]
    return tuple(found)


def _span(root: Mapping, *names: str) -> Span:
    for name in names:
        key = root.key(name)
        if key is not None:
            return key.span
    return root.span


def _count_equations(problem: Problem, root: Mapping) -> None:
    equations, fields = len(problem.equations), len(problem.fields)
    unmentioned = [f.name for f in problem.fields if not any(f.name == n for r in problem.equations for n, _ in r.jets.values())]
    if equations == fields:
        if unmentioned and problem.data is None:
            raise ProblemError(f"no equation contains '{unmentioned[0]}'", _span(root, "equations", "equation"))
        _count_real_equations(problem, root)
        return
    names = ", ".join(f.name for f in problem.fields)
    unknowns = f"{fields} unknown function{'s' * (fields > 1)} ({names})"
    message = f"{equations} equation{'s' * (equations != 1)} for {unknowns}"
    if equations < fields:
        hint = f"no equation contains '{unmentioned[0]}'" if unmentioned else "add an equation for each unknown function"
    else:
        hint = "conditions stand under 'initial', 'boundary' and 'constraints'"
    raise ProblemError(message, _span(root, "equations", "equation"), hint)


def _count_real_equations(problem: Problem, root: Mapping) -> None:
    """A complex function takes two real equations, and ``abs(psi) = 1`` is only one."""
    try:
        form = real_form(problem)
    except UnsupportedProblem:
        return
    equations, fields = len(form.equations), len(form.fields)
    if equations != fields:
        message = f"{equations} real equation{'s' * (equations != 1)} for {fields} real unknown functions"
        hint = f"{' and '.join(form.parts)} {'is' if len(form.parts) == 1 else 'are'} complex, which makes two real functions"
        raise ProblemError(message, _span(root, "equations", "equation"), hint)


def _undetermined(problem: Problem, root: Mapping) -> Iterator[Remark]:
    """A warning where some equations fall on fewer fields than they are, and where a field has a needless initial value."""
    if order_together(problem, 0) is None:
        message = "some of the equations together contain fewer unknown functions than they are"
        yield Remark(message, _span(root, "equations", "equation"), "the others are not determined")
    orders = time_orders(problem)
    for condition in (c for c in problem.conditions if c.kind == "initial"):
        for residual in condition.residuals:
            for name in dict.fromkeys(name for name, _ in residual.jets.values() if not orders[name]):
                time = problem.domain.time
                message = f"{name} needs no initial value: the equations contain no derivative of it by {time}"
                yield Remark(message, residual.span, "the equations determine it at every time, the first one included")


def _check_initial(problem: Problem, root: Mapping) -> None:
    domain = problem.domain
    axis = domain.time_axis
    if axis is None or problem.data is not None:
        return
    initial = [c for c in problem.conditions if c.kind == "initial"]
    given = {key for c in initial for r in c.residuals for key in r.jets.values()}
    span = initial[0].span if initial else root.span
    orders = time_orders(problem)
    for name, order in orders.items():
        for k in range(order):
            index = tuple(k * (i == axis) for i in range(domain.dimension))
            if (name, index) not in given:
                wanted = jet_symbol(name, index, domain.coordinates)
                known = "" if initial else "'initial' is missing: "
                equation = "the equation is" if len(problem.fields) == 1 else f"the equations are, for {name},"
                message = f"{known}{equation} of order {order} in {domain.time}, so {wanted} needs an initial value"
                raise ProblemError(message, span, _initial_hint(orders, problem, bool(initial)))
    for c in initial:
        for r in c.residuals:
            for name, index in r.jets.values():
                if index[axis] >= max(orders[name], 1):
                    s = jet_symbol(name, index, domain.coordinates)
                    message = f"'{s}' is no initial value: the equation is of order {orders[name]} in {domain.time}"
                    raise ProblemError(message, r.span, "the equation itself determines it")
    count, wanted_count = sum(len(c.residuals) for c in initial), sum(orders.values())
    if count > wanted_count > 0 and not any(order == 0 for order in orders.values()):
        raise ProblemError(f"{count} initial conditions, where the equation takes {wanted_count}", span)


def _initial_hint(orders: dict[str, int], problem: Problem, some: bool) -> str:
    time = str(problem.domain.time)
    values = [f"{name}_{time * k} = ..." if k else f"{name} = ..." for name, order in orders.items() for k in range(order)]
    return f"{'all of them in one line: ' if some else 'write '}initial: {', '.join(values)}"
