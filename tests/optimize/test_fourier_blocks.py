"""Blocks of waves: exact for constant coefficients, transposed rightly, and a field pinned at a point."""

import math

import torch

from kanpde.assembly.space import harmonics
from kanpde.kan.chebyshev import chebyshev, chebyshev_points
from kanpde.optimize.fourier_blocks import Block, FourierBlocks, Term

SIZES, LENGTHS, R = (5, 7), (1.0, 2.0), 4
X = [torch.arange(n + 3, dtype=torch.float64) * length / (n + 3) for n, length in zip(SIZES, LENGTHS, strict=True)]
WAVES = [harmonics(x, n, 0.0, length, 2).transpose(1, 2) / len(x) ** 0.5 for x, n, length in zip(X, SIZES, LENGTHS, strict=True)]
TIME = chebyshev(chebyshev_points(R + 2, 0.0, 1.0), R, 0.0, 1.0, 1).transpose(1, 2) / (R + 2) ** 0.5  # (2, n, r)
START = 30 * chebyshev(torch.zeros(1, dtype=torch.float64), R, 0.0, 1.0)[0].T


def dense(p, size):
    return torch.stack([p(column) for column in torch.eye(size, dtype=torch.float64)], 1)


def rows(terms, fields):
    """Dense rows of terms (field, orders, table); columns (n_1, F, n_2, r)."""
    total = 0
    for term in terms:
        unit = torch.zeros(1, fields, dtype=torch.float64)
        unit[0, term.field] = 1
        waves = [table[order].contiguous() for table, order in zip(WAVES, term.orders, strict=True)]
        total = total + torch.kron(torch.kron(torch.kron(waves[0], unit), waves[1]), term.table.contiguous())
    return total


def test_a_system_with_constant_coefficients_becomes_orthonormal():
    """u_t = v_x - u_y, v_t = u_x + lap(v) with initial values."""
    first = [Term(0, (0, 0), TIME[1]), Term(1, (1, 0), -TIME[0]), Term(0, (0, 1), TIME[0])]
    second = [Term(1, (0, 0), TIME[1]), Term(0, (1, 0), -TIME[0]), Term(1, (2, 0), -TIME[0]), Term(1, (0, 2), -TIME[0])]
    starts = [[Term(field, (0, 0), START)] for field in (0, 1)]
    groups = [first, second, *starts]
    p = FourierBlocks(SIZES, LENGTHS, 2, [Block(terms) for terms in groups], {})
    assert p.good
    size = math.prod(SIZES) * 2 * R
    matrix = torch.cat([rows(terms, 2) for terms in groups])
    image = matrix @ dense(p, size)
    assert torch.allclose(image.T @ image, torch.eye(size, dtype=torch.float64), atol=1e-9)


def test_a_pinned_field_vanishes_at_the_point_but_for_its_constant():
    point = [
        table[0]
        for table in (
            harmonics(torch.tensor([0.3]).double(), n, 0.0, length)[:, :, 0] for n, length in zip(SIZES, LENGTHS, strict=True)
        )
    ]
    values = torch.outer(*point)
    blocks = [Block([Term(0, (2, 0), TIME[0]), Term(0, (0, 2), TIME[0])]), Block([Term(0, (0, 0), 30 * TIME[0])], constant=True)]
    p = FourierBlocks(SIZES, LENGTHS, 1, blocks, {0: values})
    size = math.prod(SIZES) * R
    matrix = dense(p, size)
    at_the_point = torch.einsum("ij,ijlq->lq", values, matrix.reshape(*SIZES, R, size))
    at_the_point = at_the_point.reshape(R, *SIZES, R)
    at_the_point[:, 0, 0] = 0
    assert float(at_the_point.abs().max()) < 1e-9 * float(matrix.abs().max())
    transposed = torch.stack([p.transposed(column) for column in torch.eye(size, dtype=torch.float64)], 1)
    assert torch.allclose(matrix.T, transposed, atol=1e-10 * float(matrix.abs().max()))
