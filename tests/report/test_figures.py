"""Figures and the page: every kind of solution can be drawn, and what is drawn is the solution."""

from html.parser import HTMLParser
from io import BytesIO

import matplotlib
import numpy as np
import pytest
from made import BLOCK, POLYNOMIAL, solution_of, spline_network
from matplotlib.colors import LogNorm
from matplotlib.image import imread

from kanpde.errors import ProblemError
from kanpde.export import output_axes
from kanpde.kan import separable
from kanpde.report import write_report
from kanpde.report.figures import FIGURES, draw, rendered, write_figures
from kanpde.report.network import terms_on
from kanpde.report.panels import telling
from kanpde.report.style import DIVERGING, SEQUENTIAL, colours, error_colours


@pytest.mark.parametrize("kind", FIGURES)
@pytest.mark.parametrize("which", ["rod", "plane", "line", "deep", "holed", "materials", "block", "sheet", "ball"])
def test_every_figure_of_every_solution_can_be_drawn(kind, which, request):
    figure = draw(request.getfixturevalue(which), kind)
    buffer = BytesIO()
    figure.savefig(buffer, dpi=40)
    buffer.seek(0)
    pixels = imread(buffer)
    assert pixels[..., :3].std() > 0.01  # something is on it


def test_drawing_changes_no_global_state(rod):
    from matplotlib import pyplot

    before = dict(matplotlib.rcParams)
    draw(rod, "solution")
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []


def test_the_map_shows_the_field(plane):
    (picture,) = draw(plane, "solution").axes[0].images
    shown = np.asarray(picture.get_array())  # (N_y, N_x)
    y, x = np.linspace(0, 1, shown.shape[0]), np.linspace(-1, 1, shown.shape[1])
    assert np.abs(shown - (1 - x**2) * (y * (1 - y))[:, None]).max() < 1e-12
    assert picture.axes.get_aspect() == 1.0  # true proportions


def test_a_hole_is_white_and_the_map_goes_right_up_to_it(holed):
    axes = draw(holed, "solution").axes[0]
    (picture,) = axes.images
    shown = np.ma.getmaskarray(np.ma.masked_invalid(picture.get_array()))
    y, x = np.linspace(-1, 1, shown.shape[0]), np.linspace(-1, 1, shown.shape[1])
    distance = np.hypot(x - 0.25, y[:, None] - 0.5)
    assert shown[distance < 0.28].all()
    assert not shown[distance > 0.297].any()  # the pixels that the outline cuts are known
    outlines = [patch for patch in axes.patches if len(patch.get_path().codes) > 100]
    assert len(outlines) == 1
    assert picture.get_clip_path() is not None


def test_space_is_shown_by_three_slices(block, ball):
    figure = draw(block, "solution")
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.images]
    assert titles == ["z = 0", "y = 1", "x = 0.5"]
    middle = figure.axes[1].images[0].get_array()  # x across, z up, at y = 1
    x, z = np.linspace(0, 1, middle.shape[1]), np.linspace(-1, 1, middle.shape[0])
    assert np.abs(middle - 2 * x * z[:, None] ** 3).max() < 1e-12
    pictures = [axes for axes in draw(ball, "solution").axes if axes.images]
    assert len(pictures) == 6  # two fields
    assert all(np.isfinite(axes.images[0].get_array()).any() for axes in pictures)


def test_space_and_time_are_shown_by_slices_at_the_end():
    text = (
        BLOCK.replace("u(x, y, z)", "u(x, y, z, t)").replace("  z:", "  t: [0, 3]\n  z:").replace("-lap(u) = 0", "u_t = lap(u)")
    )
    text = text.replace("boundary: u = x*y*z", "initial: u = x*y*z\nboundary: u = x*y*z")
    bounds = np.array([[0.0, 1.0], [0.0, 2.0], [-1.0, 1.0], [0.0, 3.0]])
    solution = solution_of(text, spline_network(bounds, [[lambda x: x]] * 4))
    figure = draw(solution, "solution")
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.images]
    assert titles == ["t = 3, z = 0", "t = 3, y = 1", "t = 3, x = 0.5"]
    assert float(np.max(figure.axes[2].images[0].get_array())) == pytest.approx(0.5 * 2 * 1 * 3)
    assert [len(x) for x in output_axes(solution).values()] == [23] * 4


def test_time_may_be_the_first_coordinate(rod):
    swapped = solution_of(POLYNOMIAL.replace("u(x, t)", "u(t, x)"), separable_swap(rod))
    axes = draw(swapped, "solution").axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$x$", "$t$")
    shown = np.asarray(axes.images[0].get_array())  # (N_t, N_x)
    x, t = np.linspace(0, 1, 401), np.linspace(0, 2, 401)[:, None]
    assert np.abs(shown - x * (1 - x) * (1 + t**3)).max() < 1e-11


def separable_swap(solution):
    """The network of a solution with its two coordinates exchanged."""
    first, second = solution.network.factors
    return separable([second.grids[0], first.grids[0]], [second.coefficients.data[0], first.coefficients.data[0]])


def test_time_is_shown_by_several_pictures_in_one_range_of_colours(sheet):
    pictures = [axes for axes in draw(sheet, "solution").axes if axes.images]
    assert [axes.get_title(loc="left") for axes in pictures][::3] == ["t = 0", "t = 3"]
    assert len({axes.images[0].get_clim() for axes in pictures}) == 1
    last = pictures[-1].images[0].get_array()
    assert np.asarray(last)[-1, -1] == pytest.approx(20)


def test_errors_in_time_are_those_of_the_grid(sheet):
    axes = output_axes(sheet)
    sheet.errors = {"u": 1e-9 * axes["t"][:, None, None] * np.ones((65, 65, 65))}
    pictures = [axes for axes in draw(sheet, "error").axes if axes.images]
    shown = [float(np.asarray(axes.images[0].get_array()).max()) for axes in pictures]
    times = [float(axes.get_title(loc="left").split(" = ")[-1]) for axes in pictures]
    assert shown == pytest.approx([1e-9 * t for t in times], abs=1e-9 * 3 / 64)


def test_singular_terms_are_shown_alone(holed):
    alone = terms_on(holed, 41)[0]
    x, y = np.linspace(-1, 1, 41), np.linspace(-1, 1, 41)[:, None]
    w = (x - 0.25 + 1j * (y - 0.5)) * np.exp(-0.7j)
    known = np.isfinite(alone)
    assert alone[known] == pytest.approx((0.5 * w ** (2 / 3) - 0.25j * w ** (2 / 3)).real[known], rel=1e-12)
    before = holed(x=0.9, y=0.1)
    titles = [axes.get_title(loc="left") for axes in draw(holed, "network").axes]
    assert titles[-2] == "2 singular terms of u"
    assert holed(x=0.9, y=0.1) == before  # drawing has not touched the weights


def test_networks_of_many_products_stay_readable():
    bounds = np.array([[0.0, 1.0]] * 3)
    factors = [[lambda x, n=n: np.cos(n * x) / (1 + n) for n in range(150)] for _ in range(3)]
    many = solution_of(BLOCK, spline_network(bounds, factors))
    figure = draw(many, "network")
    assert len(figure.axes) == 3 * 4 + 1
    assert len(figure.axes[-1].lines[0].get_xdata()) == 150


def test_every_product_says_which_field_and_piece_it_belongs_to(materials):
    titles = [axes.get_title(loc="left") for axes in draw(materials, "network").axes]
    assert titles[0].startswith("u in piece 2: $a_{1}(x)$")  # 3 x y is the largest


def test_time_slices_are_where_the_field_changes():
    t, x = np.linspace(0, 1, 401), np.linspace(0, np.pi, 50)
    values = np.exp(-40 * t)[:, None] * np.sin(x)
    rows = telling(values, 5)
    assert rows[0] == 0
    assert rows[-1] == 400
    sizes = np.abs(values[rows]).max(1)
    assert sizes[:-1] == pytest.approx([1, 0.75, 0.5, 0.25], abs=0.06)


def test_a_field_that_changes_sign_is_white_at_zero():
    assert colours(np.array([-1.0, 0.5]))[0] == DIVERGING
    norm = colours(np.array([-1.0, 0.5]))[1]
    assert norm(0.0) == 0.5
    assert colours(np.array([0.0, 0.5]))[0] == SEQUENTIAL


def test_errors_are_shown_on_a_logarithmic_scale():
    _, norm = error_colours(np.array([1e-9, 0.0, -1e-13]))
    assert isinstance(norm, LogNorm)
    assert norm.vmax == 1e-9


def test_knots_stand_below_every_factor(rod):
    figure = draw(rod, "network")
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "|"]
    assert len(marks) == 1
    assert marks[0].get_xdata() == pytest.approx(rod.network.factors[0].breaks[0].numpy())


def test_figures_are_written_in_every_format(rod, tmp_path):
    for suffix, head in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        files = write_figures(rendered(rod, suffix, 40), tmp_path, suffix)
        assert [file.stem for file in files] == list(FIGURES)
        assert all(file.read_bytes().startswith(head) for file in files)
    with pytest.raises(ProblemError, match="figures are written as png, pdf, svg"):
        rendered(rod, "gif")
    with pytest.raises(ProblemError, match="there is no figure 'shape'"):
        rod.plot("shape")


class _Tags(HTMLParser):
    """Every tag is closed, and nothing is fetched from elsewhere."""

    VOID = ("meta", "img", "br", "mspace")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(rod, tmp_path):
    rod.problem.__dict__["title"] = "Rods & <bars>"
    write_report(rod, tmp_path)
    text = (tmp_path / "report.html").read_text()
    tags = _Tags()
    tags.feed(text)
    assert tags.open == []
    assert len(tags.sources) == len(FIGURES)
    assert all(source.startswith("data:image/png;base64,") for source in tags.sources)
    assert "Rods &amp; &lt;bars&gt;" in text
    assert "4.0e-12" in text
    assert "<math" in text
    assert "proved" in text
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {f"{kind}.png" for kind in FIGURES}


def test_the_plan_may_switch_the_report_off(rod, tmp_path):
    output = rod.plan.output.model_copy(update={"figures": False, "report": False})
    rod.plan = rod.plan.model_copy(update={"output": output})
    write_report(rod, tmp_path)
    assert list(tmp_path.iterdir()) == []
