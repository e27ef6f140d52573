"""Sums of products: few where there are few, all where there are many, and never more lost than allowed."""

import pytest
import torch

from kanpde.train.products import products


def tensor(rank, shape, seed=1):
    generator = torch.Generator().manual_seed(seed)
    factors = [torch.randn(n, rank, generator=generator, dtype=torch.float64) for n in shape]
    return torch.einsum("ar,br,cr->abc", *factors)


def again(found):
    return torch.einsum("kj,j,jm,jn->kmn", found.mix, found.values, found.middle, found.right)


def split(t):
    """The first coordinate split off by a singular value decomposition, as compression does."""
    _, s, v = torch.linalg.svd(t.flatten(1), full_matrices=False)
    keep = int((s > 1e-12 * s[0]).sum())
    return (s[:keep, None] * v[:keep]).reshape(keep, *t.shape[1:])


@pytest.mark.parametrize("rank", [2, 4, 6])
def test_few_products_are_found_again(rank):
    core = split(tensor(rank, (30, 9, 12)))
    found = products(core, 1e-9 * float(core.norm()))
    assert len(found.values) == rank
    assert found.lost <= 1e-9 * float(core.norm())
    assert float((again(found) - core).norm()) <= 1.01 * found.lost + 1e-12
    assert torch.equal(found.values, found.values.sort(descending=True).values)


@pytest.mark.parametrize("allowed", [0.5, 1e-2, 1e-10])
def test_many_products_lose_no_more_than_allowed(allowed):
    core = torch.randn(6, 5, 7, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = products(core, allowed * float(core.norm()))
    assert found.lost <= allowed * float(core.norm())
    assert float((again(found) - core).norm()) == pytest.approx(found.lost, abs=1e-6)


def test_a_largest_number_is_kept():
    core = torch.randn(4, 5, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = products(core, 1e-10, most=3)
    assert len(found.values) == 3
