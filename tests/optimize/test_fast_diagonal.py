"""Fast diagonalisation: conditions are met, the transpose is one, and the condition does not grow with the grid."""

import pytest
import torch

from kanpde.assembly import Across
from kanpde.optimize.fast_diagonal import Axis, FastDiagonal, FieldByField


def axis(count, order=2, conditions=(0.0, 1.0), sign=-1.0):
    """Chebyshev polynomials on [0, 1]: values, sign times a derivative, and their values at some points."""
    across = Across(0, (0.0, 1.0), count)
    x = across.points(count + 4, torch.zeros(1, dtype=torch.float64))
    table = across.table(x, order).transpose(1, 2) / len(x) ** 0.5  # (orders, N, n)
    ends = 30 * across.table(torch.tensor(conditions, dtype=torch.float64))[0].T
    return Axis(table[0], sign * table[order], ends)


def whole(axes):
    """The rows of the sum of the operators, dense."""
    one, two, three = axes
    kron = torch.kron
    first = kron(kron(one.operator, two.values), three.values)
    return first + kron(kron(one.values, two.operator), three.values) + kron(kron(one.values, two.values), three.operator)


def dense(p, size):
    return torch.stack([p(column) for column in torch.eye(size, dtype=torch.float64)], 1)


@pytest.mark.parametrize("elliptic", [True, False])
def test_the_condition_is_small_on_any_grid(elliptic):
    conditions = []
    for count in (6, 9, 12):
        third = axis(count) if elliptic else axis(count, 1, (0.0,), 1.0)
        axes = [axis(count), axis(count + 1), third]
        p = FastDiagonal(*axes)
        assert p.good
        sizes = torch.linalg.svdvals(whole(axes) @ dense(p, p.size))
        conditions.append(float(sizes[0] / sizes[-1]))
    assert max(conditions) < 4


def test_the_transpose_is_one():
    p = FastDiagonal(axis(5), axis(6), axis(7, 1, (0.0,), 1.0))
    q = FieldByField([p, FastDiagonal(axis(5), axis(6, conditions=(1.0,)), axis(7))])
    for operator, size, total in ((p, p.size, 210), (q, sum(f.size for f in q.fields), 420)):
        matrix = dense(operator, size)
        assert matrix.shape == (total, size)
        transposed = torch.stack([operator.transposed(column) for column in torch.eye(total, dtype=torch.float64)], 1)
        assert torch.allclose(matrix.T, transposed, atol=1e-12)


def test_its_functions_obey_the_homogeneous_conditions_and_lifts_meet_the_others():
    one = axis(8)
    assert float((one.conditions @ one.own).abs().max()) < 1e-12
    assert torch.allclose(one.conditions @ one.lift, torch.eye(2, dtype=torch.float64), atol=1e-8)
    assert float((one.operator @ one.lift).abs().max()) < 1e-3  # the smoothest functions with values at two ends are lines
    line = one.values @ one.own
    assert torch.allclose(line.T @ line, torch.eye(6, dtype=torch.float64), atol=1e-12)
