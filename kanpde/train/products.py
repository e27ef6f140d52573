"""A function of three coordinates as a sum of few products: what a singular value decomposition is to two coordinates.

The first coordinate is split off already. Each function of the other two that belongs to it can be decomposed in turn, which
always works, and makes more products than need be where a function is a sum of few. Those few are then found from the
eigenvectors of two mixtures of slices, if the function is as smooth a sum as that: a slice is X diag(a) Y, so that one slice
times the inverse of another is X diag(a / b) X^-1. Source: Leurgans, Ross & Abel (1993), SIAM J. Matrix Anal. Appl. 14,
1064-1083. The shorter sum is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

REAL = 1e-6  # relative imaginary part of eigenvectors above which there are no such products
NOISE = 1e-13  # singular values below this share are not inverted
GROWTH = 100.0  # size of the products relative to their sum: more of it would cancel digits


@dataclass(frozen=True)
class Products:
    """core[i] = sum_j mix[i, j] values[j] middle[j] right[j], up to ``lost``; columns and vectors have norm one."""

    mix: Tensor  # (R, P)
    values: Tensor  # (P,), decreasing
    middle: Tensor  # (P, m)
    right: Tensor  # (P, n)
    lost: float


def products(core: Tensor, allowed: float, most: int | None = None) -> Products:  # (R, m, n)
    """A sum of products that differs from the core by no more than ``allowed`` in the root sum of squares, if ``most`` allows."""
    safe = _one_by_one(core, allowed, most)
    short = _together(core)
    if short is not None and short.lost <= allowed and len(short.values) < len(safe.values):
        return short
    return safe


def _one_by_one(core: Tensor, allowed: float, most: int | None) -> Products:
    """Each function of two coordinates decomposed; of all their products the largest."""
    u, s, v = torch.linalg.svd(core, full_matrices=False)  # (R, m, q), (R, q), (R, q, n)
    order = s.flatten().argsort(descending=True)
    kept = kept_of(s.flatten()[order], allowed)
    order = order[: min(kept, most or kept)]
    source, which = order // s.shape[1], order % s.shape[1]
    values = s.flatten()[order]
    mix = torch.nn.functional.one_hot(source, len(core)).T.to(core)
    lost = max(0.0, float(s.square().sum() - values.square().sum())) ** 0.5
    return Products(mix, values, u[source, :, which], v[source, which], lost)


def _together(core: Tensor) -> Products | None:
    """As many products as there are functions of the first coordinate; None where there are no real ones."""
    count, m, n = core.shape
    if count > m or count < 2:
        return None
    _, s, v = torch.linalg.svd(core.reshape(-1, n), full_matrices=False)
    near = int((s > NOISE**0.5 * s[0]).sum())
    phases = torch.arange(near, dtype=core.dtype, device=core.device)
    weights = torch.stack([torch.cos(1.0 + 2.0 * phases), torch.sin(2.0 + 3.0 * phases)])  # two mixtures, nothing special
    one, two = torch.einsum("kan,ln->lka", core, weights @ v[:near])  # (R, m)
    inverse = torch.linalg.pinv(two, rtol=NOISE)
    if not bool(torch.isfinite(inverse).all()):
        return None
    _, vectors = torch.linalg.eig(one @ inverse)
    if float(vectors.imag.abs().max()) > REAL:
        return None
    mix = vectors.real / vectors.real.norm(dim=0)
    unmixed = torch.linalg.lstsq(mix, core.reshape(count, -1)).solution.reshape(core.shape)
    if not bool(torch.isfinite(unmixed).all()):
        return None
    u, s, v = torch.linalg.svd(unmixed, full_matrices=False)
    middle, values, right = u[:, :, 0], s[:, 0], v[:, 0]
    if float(values.norm()) > GROWTH * float(core.norm()):
        return None
    order = values.argsort(descending=True)
    mix, values, middle, right = mix[:, order], values[order], middle[order], right[order]
    again = torch.einsum("kj,j,jm,jn->kmn", mix, values, middle, right)
    return Products(mix, values, middle, right, float((again - core).norm()))


def kept_of(s: Tensor, allowed: float) -> int:
    """How many of decreasing singular values to keep, at least one, so that what is lost is at most ``allowed``."""
    lost = s.square().flip(0).cumsum(0).flip(0).sqrt()  # what is lost when only so many are kept
    return max(1, int((lost > allowed).sum()))
