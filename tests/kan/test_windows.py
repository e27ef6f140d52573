"""Networks in time windows: each point sees its own window, values and derivatives alike; saved and loaded without a problem."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
import torch

from kanpde.kan import KAN, WindowedKAN, network_from_spec


def _windowed() -> WindowedKAN:
    generator = torch.Generator().manual_seed(5)
    ends = (0.0, 0.25, 0.5, 2.0)
    windows = [KAN([2, 3, 2], grid=4, degree=4, domain=[[-1, 1], [a, b]], generator=generator) for a, b in pairwise(ends)]
    return WindowedKAN(windows, ends, axis=1)


def _points(count: int = 200) -> torch.Tensor:
    return torch.rand(count, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2


def test_every_point_sees_its_own_window() -> None:
    network, x = _windowed(), _points()
    indices = [(0, 0), (1, 0), (2, 1)]
    jets = network.jet(x, indices)
    for number, window in enumerate(network.windows):
        mine = (x[:, 1] >= network.ends[number]) & (x[:, 1] < network.ends[number + 1])
        assert mine.any()
        for index, values in window.jet(x[mine], indices).items():
            assert torch.equal(jets[index][:, mine], values)
    assert torch.equal(network(x), jets[(0, 0)].T)


def test_a_joint_belongs_to_the_later_window_and_the_ends_to_the_nearest() -> None:
    network = _windowed()
    t = torch.tensor([-1.0, 0.0, 0.25, 0.5, 2.0, 3.0], dtype=torch.float64)
    assert network.window_of(torch.stack([torch.zeros_like(t), t], 1)).tolist() == [0, 0, 1, 2, 2, 2]


def test_jets_are_the_derivatives_of_the_values() -> None:
    network = _windowed()
    x = _points(50).requires_grad_(True)
    (slope,) = torch.autograd.grad(network(x)[:, 1].sum(), x)
    assert torch.allclose(slope[:, 1], network.jet(x, [(0, 1)])[(0, 1)][1], rtol=1e-10, atol=1e-12)


def test_saved_and_loaded_it_is_the_same_function() -> None:
    network, x = _windowed(), _points()
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    again = network_from_spec(network.spec())
    assert not again(x).any()
    again.load_state_dict(torch.load(file, weights_only=True))
    assert isinstance(again, WindowedKAN)
    assert torch.equal(again(x), network(x))
    assert network.count == sum(p.numel() for p in network.parameters())
    assert torch.equal(network.with_edges(network.edges)(x), network(x))


def test_windows_must_fit_together() -> None:
    network = _windowed()
    with pytest.raises(ValueError, match="increasing ends"):
        WindowedKAN(network.windows, [0.0, 0.5, 0.5, 1.0], 1)
    with pytest.raises(ValueError, match="equally many inputs"):
        WindowedKAN([network.windows[0], KAN([2, 3, 1])], [0.0, 0.5, 1.0], 1)
