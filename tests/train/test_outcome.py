"""What a run says of itself: a solution without a digit is not called one."""

import kanpde


def test_a_problem_without_a_solution_is_not_called_solved():
    problem = kanpde.Problem(
        find="u(x)", domain={"x": [0, 1]}, equation="u_xx + pi^2*u = sin(pi*x)", boundary="u = 0"
    )  # the right side is not orthogonal to sin(pi*x)
    solution = kanpde.solve(problem, progress=False, reference="none", symbolic="none")
    assert not solution.converged
    assert solution.outcome.startswith("not solved")
    assert "no solution" in solution.outcome
