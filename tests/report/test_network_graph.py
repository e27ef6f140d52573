"""The picture of a network shows its edges and no others, with their functions and their importance."""

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyBboxPatch, PathPatch

from kanpde.kan import KAN, Grid, separable
from kanpde.kan.prune import without
from kanpde.report import style
from kanpde.report.network_graph import draw_graph, labelled


def network(widths, **options):
    return KAN(widths, generator=torch.Generator().manual_seed(0), **options)


def frames(figure):
    return [patch for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)]


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("widths", [[2, 5, 1], [1, 1], [3, [2, 2], [1, 1], 2], [2, [0, 3]], [5, 10, 10, 1]])
def test_every_edge_has_a_frame_on_the_figure_and_none_overlap(widths):
    net = network(widths)
    figure = draw_graph(net)
    found = frames(figure)
    assert len(found) == sum(group.inputs * group.outputs for group in net.edges)
    boxes = np.array([[p.get_x(), p.get_y(), p.get_x() + p.get_width(), p.get_y() + p.get_height()] for p in found])
    (left, right), (bottom, top) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    assert (boxes[:, :2] >= (left, bottom)).all()
    assert (boxes[:, 2:] <= (right, top)).all()
    apart = (boxes[:, None, :2] >= boxes[None, :, 2:] - 1e-9).any(-1)  # to the right of, or above
    assert (apart | apart.T | np.eye(len(boxes), dtype=bool)).all()
    assert figure.get_figwidth() < 14


def test_the_curve_in_a_frame_is_the_edge():
    net = network([1, 1], base="zero")
    net.edges[0].coefficients.data[0, 0] = net.edges[0].breaks.new_tensor([0.0, 1.0, 0.5, 0.25, 0.0, 0.0, 0.0, 0.0])
    lines = draw_graph(net).axes[0].lines
    (curve,) = [line for line in lines if np.allclose(to_rgb(line.get_color()), to_rgb(style.BLUE))]
    x, y = (np.asarray(values) for values in curve.get_data())
    z = torch.linspace(-1, 1, len(x), dtype=torch.float64)
    values = net.edges[0].functions(z[None])[0, 0, 0].detach().numpy()
    # the frame's own scale: equal up to an affine map; the points do not quite reach the ends
    assert abs(np.corrcoef(values, y)[0, 1]) > 1 - 1e-5


def test_pruned_edges_are_absent_and_symbolic_ones_coloured_and_named():
    net = network([2, 3, 1]).fixed(0, 0, 0, "sin").fixed(1, 0, 0, "x^2")
    x = torch.rand(100, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    net = without(net, x, edges=[(0, 1, 2)]).network
    figure = draw_graph(net, x, names=["a1", "b"], targets=["f"])
    assert len(frames(figure)) == 8
    assert {"sin", "x²"} <= set(texts(figure))
    named = [p for p in frames(figure) if p.get_edgecolor()[0] > p.get_edgecolor()[2] + 0.05]  # orange is red, not blue
    assert len(named) == 2
    assert [t for t in texts(figure) if "a" in t] == ["$a_{\\mathrm{1}}$"]


def test_lines_are_thicker_the_more_an_edge_matters():
    net = network([2, 1], base="zero")
    net.edges[0].coefficients.data[1] *= 1e-3
    lines = [patch for patch in draw_graph(net).axes[0].patches if isinstance(patch, PathPatch)]
    thick = {round(line.get_path().vertices[0, 0] + line.get_path().vertices[-1, 0], 6): line.get_linewidth() for line in lines}
    assert max(thick.values()) > 3 * min(thick.values())


def test_separable_networks_can_be_drawn():
    grid = Grid.uniform(0, 1, 3, 3)
    g = torch.Generator().manual_seed(0)
    net = separable([grid, grid], [torch.randn(2, 6, generator=g, dtype=torch.float64) for _ in range(2)])
    assert len(frames(draw_graph(net))) == 4


def test_drawing_is_repeatable_and_changes_nothing():
    net = network([2, 2, 1])
    before, state = dict(matplotlib.rcParams), torch.get_rng_state()
    one, two = (np.asarray(draw_graph(net).axes[0].lines[0].get_data()) for _ in range(2))
    assert np.array_equal(one, two)
    assert dict(matplotlib.rcParams) == before
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("x", "$x$"), ("x12", r"$x_{\mathrm{12}}$"), ("alpha_s", r"$\alpha_{\mathrm{s}}$"), ("size", r"$\mathrm{size}$")],
)
def test_names_are_set_as_mathematics(name, shown):
    assert labelled(name) == shown


def test_a_network_plots_itself():
    assert len(frames(network([2, 2, 1]).plot(names=["x", "y"], title="A network"))) == 6


def test_wrong_numbers_of_names_are_refused():
    with pytest.raises(ValueError, match="2 inputs and 1 outputs"):
        draw_graph(network([2, 1]), names=["x"])
