"""Source of networks and formulas: written, run or compiled elsewhere, it gives the same values."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
import sympy as sp
import torch

import kanpde
from kanpde.errors import UnsupportedProblem
from kanpde.export.source_c import network_c
from kanpde.export.source_numpy import network_numpy
from kanpde.kan import KAN
from kanpde.kan.base import BASE_FUNCTIONS
from kanpde.kan.symbolic_edges import FUNCTIONS
from kanpde.problem.types import symbol
from kanpde.results.types import Formula

COMPILER = shutil.which("gcc") or shutil.which("cc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler here")


def network(widths, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    net = KAN(widths, generator=generator, **options)
    for group in net.edges:
        group.coefficients.data += 0.3 * torch.randn(group.coefficients.shape, generator=generator, dtype=torch.float64)
    return net


def points(count, inputs, seed=0):
    return 2.4 * torch.rand(count, inputs, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1.2


def loaded(source):
    names = {}
    exec(compile(source, "network.py", "exec"), names)  # the source is what is tested
    return names


def compiled(source, folder):
    (folder / "u.c").write_text(source)
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", "-shared", "-fPIC"]
    subprocess.run([COMPILER, *flags, str(folder / "u.c"), "-o", str(folder / "u.so"), "-lm"], check=True)
    return ctypes.CDLL(str(folder / "u.so"))


def by_c(library, x, outputs):
    values = np.empty((len(x), outputs))
    pointer = ctypes.POINTER(ctypes.c_double)
    for row, point in enumerate(np.ascontiguousarray(x)):
        library.network(point.ctypes.data_as(pointer), values[row].ctypes.data_as(pointer))
    return values


NETWORKS = {
    "sums": network([2, 5, 1]),
    "products": network([3, [2, 2], [1, 1], 2], arity=3),
    "polynomials": network([2, 3, 2], basis="chebyshev", degree=4),
    "legendre": network([2, 3, 2], basis="legendre", base="tanh"),
    "linear pieces": network([1, 4, 1], degree=1, grid=7, base="identity"),
    "steps": network([1, 4, 1], degree=0, grid=7, base="zero"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_numpy_source_gives_the_values_of_the_network(name):
    net = NETWORKS[name]
    inputs, targets = [f"x{i}" for i in range(net.inputs)], ["lambda", "v"][: net.outputs]
    x = points(200, net.inputs)
    names = loaded(network_numpy(net, inputs, targets, 'said "so"'))
    expected = net(x).detach().numpy()
    np.testing.assert_allclose(names["network"](x.numpy()), expected, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(names["lambda_"](*x.numpy().T), expected[:, 0], rtol=1e-11, atol=1e-11)


@needs_compiler
@pytest.mark.parametrize("name", NETWORKS)
def test_c_source_compiles_without_warnings_and_gives_the_values(name, tmp_path):
    net = NETWORKS[name]
    inputs, targets = ["x", "double", "y0"][: net.inputs], ["exp", "v"][: net.outputs]
    x = points(50, net.inputs)
    library = compiled(network_c(net, inputs, targets, "/* said */ so"), tmp_path)
    np.testing.assert_allclose(by_c(library, x.numpy(), net.outputs), net(x).detach().numpy(), rtol=1e-11, atol=1e-11)


def every_function():
    """A network of one edge for each known function, on an interval where all are defined; then all base functions."""
    net = network([1, len(FUNCTIONS)], base="zero")
    for j, name in enumerate(FUNCTIONS):
        net = net.fixed(0, 0, j, name, torch.tensor([0.3, 0.5, 1.5, -0.25]))
    return net


def test_every_function_of_an_edge_has_numpy_source():
    net, x = every_function(), points(40, 1)
    found = loaded(network_numpy(net, ["x"], list(map("f{}".format, range(net.outputs)))))["network"](x.numpy())
    np.testing.assert_allclose(found, net(x).detach().numpy(), rtol=1e-12, atol=1e-13)


@needs_compiler
def test_every_function_of_an_edge_has_c_source(tmp_path):
    net, x = every_function(), points(40, 1)
    library = compiled(network_c(net, ["x"], list(map("f{}".format, range(net.outputs)))), tmp_path)
    np.testing.assert_allclose(by_c(library, x.numpy(), net.outputs), net(x).detach().numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("base", BASE_FUNCTIONS)
def test_base_functions_are_part_of_the_source(base):
    net, x = network([2, 2], base=base, init="xavier"), points(30, 2)
    names = loaded(network_numpy(net, ["x", "y"], ["f", "g"]))
    np.testing.assert_allclose(names["network"](x.numpy()), net(x).detach().numpy(), rtol=1e-12, atol=1e-12)


def test_pruned_edges_are_left_out():
    net = network([2, 1], base="zero")
    net.edges[0].mask = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    source = network_numpy(net, ["x", "y"], ["f"])
    assert source.count("spline(") == 2  # its definition and one edge
    x = points(20, 2)
    np.testing.assert_allclose(loaded(source)["f"](*x.numpy().T), net(x)[:, 0].detach().numpy(), rtol=1e-12, atol=1e-12)


def test_bases_that_are_no_polynomials_are_refused():
    with pytest.raises(UnsupportedProblem, match="basis 'rbf' have no source"):
        network_numpy(network([1, 1], basis="rbf"), ["x"], ["y"])


X, T, NU = symbol("x"), symbol("t"), symbol("nu")
HALVES = sp.Piecewise((X, X < 0), (sp.Abs(X) ** sp.Rational(3, 2), True))
FORMULAS = {
    "elementary": sp.exp(-NU * sp.pi**2 * T) * sp.sin(sp.pi * X) / (1 + X**2) ** 3 + X**2 / 3 - 2 * X**7 + sp.sqrt(1 + T**2),
    "pieces": HALVES + sp.sign(X) + sp.Max(X, T, 0) + sp.Heaviside(X),
    "special": sp.erf(X) + sp.gamma(T + 2) + sp.sech(X) + sp.atan2(X, T) + sp.asinh(X) + sp.E,
    "without t": X,
}


@needs_compiler
@pytest.mark.parametrize("name", FORMULAS)
def test_c_source_of_a_formula_gives_its_values(name, tmp_path):
    formula = Formula("proved", {"u": FORMULAS[name]}, coordinates=("x", "t"), letters={"nu": sp.Rational(1, 10)})
    function = compiled(formula.c, tmp_path).u
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double] * 2
    x, t = np.linspace(-1, 1, 11), np.linspace(0.1, 2, 11)
    found = [function(a, b) for a, b in zip(x, t, strict=True)]
    np.testing.assert_allclose(found, np.broadcast_to(formula(x=x, t=t), x.shape), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("expression", [sp.besselj(0, X), sp.I * X])
def test_what_c_does_not_have_is_refused(expression):
    with pytest.raises(UnsupportedProblem, match="no C source"):
        _ = Formula("proved", {"u": expression}, coordinates=("x",)).c


@needs_compiler
def test_a_fit_without_a_formula_is_written_as_its_network(tmp_path):
    x = np.linspace(-1, 1, 60)
    fit = kanpde.fit(x, np.tanh(3 * x), widths=[1, 1], grid=6, steps=3, names=("some x",), targets=("y",))
    fit.save(tmp_path / "y.c")
    fit.save(tmp_path / "y.py")
    function = compiled((tmp_path / "y.c").read_text(), tmp_path).y
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double]
    expected = fit.predict(x)
    np.testing.assert_allclose([function(value) for value in x], expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(loaded((tmp_path / "y.py").read_text())["y"](x), expected, rtol=1e-12, atol=1e-13)
