"""Conjugate gradients for least squares: the minimiser, few steps with a good preconditioner, and an honest end."""

import pytest
import torch

from kanpde.optimize.cgls import preconditioned_cgls


class Matrix:
    """A preconditioner that is a matrix."""

    def __init__(self, matrix):
        self.matrix = matrix

    def __call__(self, y):
        return self.matrix @ y

    def transposed(self, g):
        return self.matrix.T @ g


def problem(condition=1e6, rows=60, columns=20):
    generator = torch.Generator().manual_seed(3)
    left, _ = torch.linalg.qr(torch.randn(rows, columns, generator=generator, dtype=torch.float64))
    right, _ = torch.linalg.qr(torch.randn(columns, columns, generator=generator, dtype=torch.float64))
    sizes = torch.logspace(0, -torch.log10(torch.tensor(condition)).item(), columns, dtype=torch.float64)
    return left * sizes @ right.T, right / sizes, torch.randn(rows, generator=generator, dtype=torch.float64)


def solve(matrix, preconditioner, right, **settings):
    halves = [matrix[:25], matrix[25:]]
    return preconditioned_cgls(
        lambda x: [half @ x for half in halves],
        lambda rows: sum(half.T @ row for half, row in zip(halves, rows, strict=True)),
        [right[:25], right[25:]],
        Matrix(preconditioner),
        **settings,
    )


def test_the_minimiser_is_that_of_qr_in_steps_that_only_mend_round_off_with_the_inverse_triangle():
    matrix, inverse, right = problem()
    outcome = solve(matrix, inverse, right)
    exact = torch.linalg.lstsq(matrix, right[:, None]).solution[:, 0]
    assert outcome.settled
    assert outcome.steps <= 8
    assert torch.linalg.norm(outcome.x - exact) < 1e-9 * torch.linalg.norm(exact)


def test_a_nearly_right_preconditioner_takes_a_few_steps_more():
    matrix, inverse, right = problem()
    noise = torch.randn(20, 20, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    outcome = solve(matrix, inverse @ (torch.eye(20, dtype=torch.float64) + 0.02 * noise), right)
    exact = torch.linalg.lstsq(matrix, right[:, None]).solution[:, 0]
    assert outcome.settled
    assert 8 < outcome.steps < 20
    assert torch.linalg.norm(outcome.x - exact) < 1e-9 * torch.linalg.norm(exact)


def test_without_preconditioner_and_time_it_says_that_it_is_not_there():
    matrix, _, right = problem()
    assert not solve(matrix, torch.eye(20, dtype=torch.float64), right, most=10).settled


@pytest.mark.parametrize("damping", [1e-2, 10.0])
def test_damping_is_that_of_the_preconditioned_unknown(damping):
    matrix, inverse, right = problem(condition=10.0)
    outcome = solve(matrix, inverse, right, damping=damping)
    good = matrix @ inverse
    y = torch.linalg.solve(good.T @ good + damping * torch.eye(20, dtype=torch.float64), good.T @ right)
    assert torch.allclose(outcome.x, inverse @ y, rtol=1e-9, atol=1e-12)


def test_nothing_on_the_right_gives_nothing():
    matrix, inverse, right = problem()
    outcome = solve(matrix, inverse, 0 * right)
    assert outcome.settled
    assert float(outcome.x.abs().max()) == 0
