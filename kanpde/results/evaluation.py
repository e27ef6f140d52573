"""Values of a network at the points of a caller: numpy in, numpy out, whatever shapes broadcast.

A tensor grid (every coordinate varies along axes of its own) of a separable network costs one matrix product: the factors are
evaluated once along each coordinate. Everything else goes through the network in chunks. Where the domain is a shape, points
outside of it are refused, or NaN on grids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import numpy as np

from kanpde.errors import ProblemError
from kanpde.geometry import Domain

if TYPE_CHECKING:
    from torch import Tensor

    from kanpde.kan import KAN, Network, Terms, WindowedKAN

CHUNK = 1 << 15
"""Points that go through a network at once: a few hundred MB for the largest networks."""

_ROUNDING = 1e-9  # of an interval's length; a point this far outside was meant to lie on the boundary


def locate(domain: Domain, given: Mapping[str, Any]) -> list[np.ndarray]:
    """The caller's coordinates as float64 arrays in the order of the domain, not yet broadcast.

    Points outside the box by rounding are moved to its boundary; on a periodic axis every point is taken back into the period.
    Raises ProblemError for a coordinate that is missing or unknown, and for points outside the box (``inside`` knows the shape).
    """
    names = {f"{name}_" if iskeyword(name) else name: name for name in domain.coordinates}
    names |= {name: name for name in domain.coordinates} | {f"{name}_": name for name in domain.coordinates}
    values: dict[str, np.ndarray] = {}
    for key, value in given.items():
        if key not in names:
            near = get_close_matches(key, names)
            hint = f"did you mean '{near[0]}'?" if near else None
            raise ProblemError(f"there is no coordinate '{key}'; the solution depends on {_listed(domain)}", hint=hint)
        values[names[key]] = np.asarray(value, dtype=np.float64)
    missing = [name for name in domain.coordinates if name not in values]
    if missing:
        raise ProblemError(f"a value is missing for {', '.join(missing)}: the solution depends on {_listed(domain)}")
    return [_between(values[name], name, domain, axis) for axis, name in enumerate(domain.coordinates)]


def inside(domain: Domain, coordinates: list[np.ndarray]) -> np.ndarray | None:  # the broadcast shape, bool
    """Which of the located points lie in the domain's shape, or no further than rounding from it; None if it is a box."""
    if domain.is_box:
        return None
    shape = _broadcast(coordinates)
    axes = domain.region_axes
    region = np.broadcast_arrays(*(coordinates[axis] for axis in axes))
    points = np.stack([x.ravel() for x in region], -1)  # (N, number of axes)
    found = domain.shape.contains(points)
    length = _ROUNDING * float(domain.lengths[list(axes)].max())
    for step in _directions(len(axes)):  # a point lies near the shape if a step in some direction leads into it
        doubtful = np.flatnonzero(~found)
        found[doubtful] = domain.shape.contains(points[doubtful] + length * step)
    return np.broadcast_to(found.reshape(region[0].shape), shape)


def refuse_outside(domain: Domain, coordinates: list[np.ndarray]) -> None:
    """Raise ProblemError if a located point lies outside the domain's shape."""
    within = inside(domain, coordinates)
    if within is None or within.all():
        return
    first = int(np.flatnonzero(~within.ravel())[0])
    full = np.broadcast_arrays(*coordinates)
    where = ", ".join(f"{domain.coordinates[axis]} = {float(full[axis].flat[first]):g}" for axis in domain.region_axes)
    made = ", ".join(domain.shape.names())
    raise ProblemError(
        f"the point {where} is outside the domain",
        hint=f"the domain is made of {made}; the network is not trained elsewhere, and extrapolation would be noise",
    )


def _directions(dimension: int) -> np.ndarray:  # (m, dimension)
    """Unit vectors all around: 16 in the plane, 26 in space, both ways on a line."""
    if dimension == 2:
        angles = np.arange(16) * (np.pi / 8)
        return np.stack([np.cos(angles), np.sin(angles)], 1)
    steps = np.stack([g.ravel() for g in np.meshgrid(*[[-1.0, 0.0, 1.0]] * dimension, indexing="ij")], 1)
    sizes = np.linalg.norm(steps, axis=1, keepdims=True)
    return np.asarray((steps / np.maximum(sizes, 1))[sizes[:, 0] > 0])


def _broadcast(coordinates: list[np.ndarray]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*(x.shape for x in coordinates))
    except ValueError:
        shapes = ", ".join(str(x.shape) for x in coordinates)
        raise ProblemError(f"the coordinates have shapes {shapes}, which do not broadcast") from None


def _listed(domain: Domain) -> str:
    return ", ".join(domain.coordinates)


def _between(x: np.ndarray, name: str, domain: Domain, axis: int) -> np.ndarray:
    lower, upper = (float(end) for end in domain.bounds[axis])
    length = upper - lower
    if not np.isfinite(x).all():
        raise ProblemError(f"{name} must be a finite number at every point")
    if name in domain.periodic:
        outside = (x < lower) | (x > upper)
        return np.where(outside, lower + np.mod(x - lower, length), x)
    worst = x[(x < lower - _ROUNDING * length) | (x > upper + _ROUNDING * length)]
    if worst.size:
        raise ProblemError(
            f"{name} = {float(worst.flat[0]):g} is outside the domain, {lower:g} <= {name} <= {upper:g}",
            hint="the network is not trained there, and extrapolation would be noise",
        )
    return np.clip(x, lower, upper)


def evaluate(
    network: Network,
    coordinates: list[np.ndarray],  # one array a coordinate; their shapes broadcast
    output: int = 0,
    index: tuple[int, ...] | None = None,  # how often to differentiate by each coordinate
    within: np.ndarray | None = None,  # the broadcast shape, bool: where values are wanted; NaN elsewhere
) -> np.ndarray:  # the broadcast shape
    """One output of the network, or one partial derivative of it, at every point."""
    from kanpde.kan import smooth_part

    shape = _broadcast(coordinates)
    index = index or (0,) * len(coordinates)
    if 0 in shape:
        return np.empty(shape)
    result = np.full(shape, np.nan)
    chosen = np.ones(shape, dtype=bool) if within is None else within
    axes = _own_axes(coordinates)
    smooth = smooth_part(network)
    if axes is None or len(coordinates) == 1 or not smooth.factors:
        result[chosen] = _at_points(network, _points(coordinates, chosen), output, index)
        return result
    for output_of_piece, here in _pieces(network, coordinates, output, chosen):
        values = _on_tensor_grid(smooth, coordinates, index, shape, axes, output_of_piece)
        result[here] = values[here]
        if network.terms is not None:
            result[here] += _at_points(network.terms, _points(coordinates, here), output_of_piece, index)
    return result


def smoothness(network: Network, axis: int) -> int | None:
    """How many continuous derivatives the network has along a coordinate: k - 1 for splines of degree k, None if all.

    Inside of a piece and away from the centres of singular terms.
    """
    from kanpde.kan import smooth_part

    smooth = smooth_part(network)
    edges = [smooth.factors[axis]] if smooth.factors else smooth.edges
    degrees = [group.degree for group in edges if group.basis == "bspline"]
    return max(min(degrees) - 1, 0) if degrees else None


def _points(coordinates: list[np.ndarray], chosen: np.ndarray) -> np.ndarray:  # (N, d)
    return np.stack([np.broadcast_to(x, chosen.shape)[chosen] for x in coordinates], -1)


def _pieces(network: Network, coordinates: list[np.ndarray], output: int, chosen: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The output that shows the field in each piece of a network, and which of the chosen points lie there."""
    from kanpde.kan import PiecewiseKAN

    if not isinstance(network, PiecewiseKAN):
        yield output, chosen
        return
    piece = np.full(chosen.shape, -1)
    piece[chosen] = network.piece_of(_tensor(network, _points(coordinates, chosen))).cpu().numpy()
    for number in range(network.pieces):
        yield number * network.outputs + output, piece == number


def _own_axes(coordinates: list[np.ndarray]) -> list[set[int]] | None:
    """Which axes of the result each coordinate varies along; None if two of them share one."""
    dimension = max(x.ndim for x in coordinates)
    axes = [{dimension - x.ndim + i for i, size in enumerate(x.shape) if size > 1} for x in coordinates]
    shared = sum(len(own) for own in axes) > len(set().union(*axes))
    return None if shared else axes


def _on_tensor_grid(
    network: KAN | WindowedKAN,
    coordinates: list[np.ndarray],
    index: tuple[int, ...],
    shape: tuple[int, ...],
    axes: list[set[int]],
    output: int,
) -> np.ndarray:
    """sum_j prod_i a_ij(x_i) over the products of one output, every a_ij evaluated only along its own coordinate."""
    import torch

    dimension = len(shape)
    rank = network.rank // network.outputs
    mine = slice(output * rank, (output + 1) * rank)
    operands: list[Any] = []
    with torch.no_grad():
        for edges, x, order, own in zip(network.factors, coordinates, index, axes, strict=True):
            values = edges.values(_tensor(network, x.ravel()), order)[order][mine]  # (R, N_i)
            kept = sorted(own)
            values = values.reshape(values.shape[0], *(shape[axis] for axis in kept))
            operands += [values, [dimension, *kept]]
        return np.broadcast_to(_numpy(torch.einsum(*operands, sorted(set().union(*axes)))).reshape(shape), shape)


def _at_points(network: Network | Terms, points: np.ndarray, output: int, index: tuple[int, ...]) -> np.ndarray:  # (N, d) -> (N,)
    import torch

    values = [np.empty(0)]
    with torch.no_grad():
        for start in range(0, len(points), CHUNK):
            x = _tensor(network, points[start : start + CHUNK])  # (n, d)
            values.append(_numpy(network.jet(x, [index])[index][output]))
    return np.concatenate(values)


def _tensor(network: Network | Terms, x: np.ndarray) -> Tensor:
    import torch

    parameter = next(iter(network.parameters()))
    return torch.as_tensor(np.ascontiguousarray(x), dtype=parameter.dtype, device=parameter.device)


def _numpy(values: Tensor) -> np.ndarray:
    return values.detach().to("cpu").double().numpy()
