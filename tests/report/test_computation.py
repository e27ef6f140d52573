"""Computation graphs: all that is computed is there, once, above what it needs; and the layout keeps its promises."""

from io import BytesIO

import pytest
import sympy as sp
import torch

from kanpde.kan import KAN
from kanpde.problem.types import symbol
from kanpde.report.computation import draw_formula, draw_operations
from kanpde.report.layered import GAP, Graph, layout
from kanpde.results.types import Formula

X, T = symbol("x"), symbol("t")


def shown(figure):
    return sorted(text.get_text() for text in figure.axes[0].texts)


def arrows(figure):
    return sum(type(patch).__name__ == "PathPatch" for patch in figure.axes[0].patches)


def test_a_formula_is_its_operations():
    figure = draw_formula(Formula("verified numerically", {"f": sp.exp(sp.sin(sp.pi * X) + T**2)}))
    assert shown(figure) == sorted(["$f$", "exp", "+", "sin", r"$\times\,\pi$", r"$(\,\cdot\,)^{2}$", "$x$", "$t$"])
    assert arrows(figure) == 7


def test_what_occurs_twice_is_one_vertex():
    common = sp.sin(X)
    figure = draw_formula(Formula("proved", {"u": common + common**2, "v": sp.exp(common)}))
    assert shown(figure).count("sin") == 1


@pytest.mark.parametrize(
    "expression",
    [X / T, 1 / (X + 1), 2 * X / (T + 3), -X, X - 3, 2**X, X**T, sp.sqrt(X) - sp.Abs(T), 1.5 * X, sp.Integer(2), -(sp.pi**2) * X],
)
@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_all_kinds_of_operations_can_be_drawn(expression, suffix):
    buffer = BytesIO()
    draw_formula(Formula("proved", {"u": expression})).savefig(buffer, format=suffix, dpi=40)
    assert buffer.tell() > 1000


def test_a_network_is_its_edges_sums_and_products():
    net = KAN([2, [1, 1], 1], generator=torch.Generator().manual_seed(0)).fixed(0, 0, 0, "sin")
    figure = draw_operations(net, ["x", "t"], ["u"])
    found = shown(figure)
    assert sum("varphi" in text for text in found) == 7
    assert found.count("sin") == 1
    assert found.count("+") == 4
    assert found.count("\N{MULTIPLICATION SIGN}") == 1


def test_pruned_edges_take_their_sums_along():
    net = KAN([2, 2, 1], generator=torch.Generator().manual_seed(0))
    net.edges[1].mask = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    found = shown(draw_operations(net))
    assert sum("varphi" in text for text in found) == 3
    assert found.count("+") == 1


def test_layers_of_many_edges_are_one_vertex():
    found = shown(draw_operations(KAN([5, [9, 1], 1])))
    assert "55 edges" in found
    assert "9 sums" in found
    assert "1 product" in found


def example():
    graph = Graph()
    for name in "abc":
        graph.add(name, name, "input", 0.4)
    graph.add("ab", "+", "sum", 0.5, ["a", "b"])
    graph.add("bc", "+", "sum", 0.7, ["b", "c"])
    graph.add("top", "+", "sum", 0.5, ["c", "ab", "a"])
    graph.add("other", "+", "sum", 0.5, ["bc", "ab", "top"])
    return graph


def test_vertices_stand_above_what_they_need_and_apart_from_each_other():
    graph = example()
    found = layout(graph)
    for upper, parts in graph.below.items():
        for lower in parts:
            assert found.places[upper][1] > found.places[lower][1]
    for one, (x, level) in found.places.items():
        assert graph.widths[one] / 2 - 1e-9 <= x <= found.width - graph.widths[one] / 2 + 1e-9
        for two, (at, other) in found.places.items():
            if one < two and level == other:
                assert abs(x - at) >= (graph.widths[one] + graph.widths[two]) / 2 + GAP - 1e-9


def test_lines_go_from_layer_to_layer():
    graph = example()
    found = layout(graph)
    assert len(found.ways) == sum(map(len, graph.below.values()))
    for lower, upper, way in found.ways:
        assert way[0] == found.places[lower]
        assert way[-1] == found.places[upper]
        assert [level for _, level in way] == list(range(way[0][1], way[-1][1] + 1))


def test_a_tree_has_no_crossings_and_single_parents_stand_straight_above():
    graph = Graph()
    leaves = [graph.add(f"l{i}", "", "input", 0.4) for i in (2, 0, 3, 1)]
    graph.add("left", "", "sum", 0.4, [leaves[1], leaves[3]])
    graph.add("right", "", "sum", 0.4, [leaves[0], leaves[2]])
    graph.add("root", "", "sum", 0.4, ["left", "right"])
    places = layout(graph).places
    order = sorted(leaves, key=lambda n: places[n][0])
    assert {frozenset(order[:2]), frozenset(order[2:])} == {frozenset(graph.below["left"]), frozenset(graph.below["right"])}
    middle = (places["left"][0] + places["right"][0]) / 2
    assert abs(places["root"][0] - middle) < 0.05


def test_without_a_formula_there_is_nothing_to_draw():
    with pytest.raises(ValueError, match="no formula to draw"):
        draw_formula(Formula("not found"))
