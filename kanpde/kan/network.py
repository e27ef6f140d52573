"""The Kolmogorov-Arnold network: layers of learnable univariate functions with sum nodes and product nodes."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from numbers import Integral
from os import PathLike
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from kanpde.kan.edges import Edges
from kanpde.kan.forward import layer_values
from kanpde.kan.grid import Grid
from kanpde.kan.jets import Jet, MultiIndex, closure
from kanpde.kan.layers import Layer, LayerTrace, layer_from_spec
from kanpde.kan.terms import Terms

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Pullback = Callable[[dict[MultiIndex, Tensor]], Tensor]
"""{multi-index: weights (n_out, N) or (N,)} -> J^T (P, N), J = sum over indices of weight * d(D^alpha u)/d(theta)."""


class KAN(nn.Module):
    """A Kolmogorov-Arnold network u: R^d -> R^n, every edge a learnable univariate function; float64 unless told otherwise.

    ``widths`` gives the nodes of each layer, inputs first: ``[2, 5, 1]`` has sum nodes only (Liu et al. 2024, arXiv 2404.19756);
    an entry ``[3, 2]`` means three sum nodes and two products of two (KAN 2.0). ``grid`` is the number of intervals of each
    edge, on ``domain`` (d, 2) at the inputs and on [-1, 1] further on (see ``adapt``). Product nodes have ``arity`` factors.
    ``init`` is "variance" (edges start as random straight lines that keep the variance) or "xavier" (as in the KAN paper); pass
    a ``generator`` for reproducible ones. Other wirings: ``separable``, ``KAN.from_layers``. ``terms`` are singular
    functions that are added to the outputs: what no smooth edge can say near a corner (``with_terms``).

    An ordinary module: it moves, copies, pickles and saves like any other. Grids, masks of pruned edges and symbolic edges are
    part of the state, so that ``load_state_dict`` turns a fresh network of the same widths into the one that was saved.
    """

    terms: Terms | None

    def __init__(
        self,
        widths: Sequence[int | Sequence[int]],
        grid: int = 5,
        degree: int = 3,
        basis: str = "bspline",
        base: str | None = "silu",
        domain: Sequence[Sequence[float]] | Tensor | None = None,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
        init: str = "variance",
        arity: int = 2,
    ) -> None:
        super().__init__()
        shape = _shape(widths)
        for name, value, least in (("grid", grid, 1), ("degree", degree, 0), ("arity", arity, 2)):
            if not _is_count(value, least):
                raise ValueError(f"{name} is an integer of at least {least}; got {value!r}")
        grid, degree, arity = int(grid), int(degree), int(arity)
        if domain is not None and not all(hasattr(ends, "__len__") and len(ends) == 2 for ends in domain):
            raise ValueError(f"domain is a pair (lower, upper) for each input, as {[[-1, 1]] * shape[0][0]}; got {domain!r}")
        layers = []
        unit = [[-1.0, 1.0]]
        for n, ((sums, products), (next_sums, next_products)) in enumerate(pairwise(shape)):
            inputs, subnodes = sums + products, next_sums + arity * next_products
            intervals = domain if n == 0 and domain is not None else unit * inputs
            grids = [Grid.uniform(float(a), float(b), grid, degree, dtype, device) for a, b in intervals]
            if len(grids) != inputs:
                raise ValueError(f"the domain has {len(grids)} intervals, the network {inputs} inputs")
            edges = Edges(torch.stack([g.breaks for g in grids]), subnodes, degree, basis, base)
            edges.initialise(generator, how=init)
            layers.append(Layer([edges], [range(inputs)], [(0, subnodes)], next_sums, next_products, arity))
        self._set(layers, shape[0][0], layers[-1].nodes, total=False)

    @classmethod
    def from_layers(
        cls, layers: Sequence[Layer], inputs: int, outputs: int = 1, total: bool = False, terms: Terms | None = None
    ) -> KAN:
        """A network of any wiring. With ``total`` the nodes of the last layer are added up, in ``outputs`` equal runs."""
        net = cls.__new__(cls)
        nn.Module.__init__(net)
        net._set(layers, inputs, outputs, total, terms)
        return net

    def _set(self, layers: Sequence[Layer], inputs: int, outputs: int, total: bool, terms: Terms | None = None) -> None:
        self.layers = nn.ModuleList(layers)
        self.inputs, self.outputs, self.total = inputs, outputs, total
        nodes = layers[-1].nodes
        if nodes % outputs if total else nodes != outputs:
            raise ValueError(f"{nodes} nodes of the last layer do not make {outputs} outputs")
        if terms is not None and (terms.fields != outputs or max(terms.axes) >= inputs):
            raise ValueError(
                f"terms of {terms.fields} fields along the axes {terms.axes} do not fit {outputs} outputs of {inputs} inputs"
            )
        self.terms = terms

    @property
    def stack(self) -> list[Layer]:
        """The layers, typed."""
        return [layer for layer in self.layers if isinstance(layer, Layer)]

    @property
    def edges(self) -> list[Edges]:
        """All groups of edges, in the order of the parameters."""
        return [group for layer in self.stack for group in layer.edges]

    @property
    def factors(self) -> tuple[Edges, ...]:
        """Of a separable network without terms, the group of each coordinate (outputs = rank); empty for any other."""
        (layer, *more) = self.stack
        if self.terms is not None:
            return ()
        d, rank = self.inputs, layer.products
        blocks = tuple((i * rank, (i + 1) * rank) for i in range(d))
        plain = not more and self.total and not layer.sums and layer.arity == d and layer.targets == blocks
        return tuple(layer.edges) if plain and layer.sources == tuple((i,) for i in range(d)) else ()

    @property
    def rank(self) -> int:
        """The number of product nodes of a separable network; 0 for any other."""
        return self.stack[0].products if self.factors else 0

    @property
    def count(self) -> int:
        """The number P of parameters."""
        return sum(layer.count for layer in self.stack) + (0 if self.terms is None else self.terms.count)

    @property
    def intervals(self) -> tuple[int, ...]:
        """The grid intervals of each group of edges."""
        return tuple(group.intervals for group in self.edges)

    def forward(self, x: Tensor) -> Tensor:  # (..., d) -> (..., n_out)
        """u(x), differentiable by x and by the parameters, any number of times."""
        flat = x.reshape(-1, x.shape[-1])
        value = self._entered(flat)  # (d, N)
        for layer in self.stack:
            value = layer_values(layer, value)
        if self.total:
            value = value.unflatten(0, (self.outputs, -1)).sum(1)
        zero = (0,) * self.inputs
        value = self._with_terms({zero: value}, flat)[zero]  # (n_out, N)
        return value.T.reshape(*x.shape[:-1], self.outputs)

    def jet(self, x: Tensor, indices: Iterable[MultiIndex]) -> dict[MultiIndex, Tensor]:
        """The partial derivatives of u at x (N, d): {multi-index: (n_out, N)}, differentiable by the parameters."""
        wanted = list(indices)
        channels, _ = self._push(x, wanted, 0)
        return self._with_terms({alpha: self._present(channels[alpha], x) for alpha in wanted}, x)

    @torch.no_grad()
    def linearise(self, x: Tensor, indices: Iterable[MultiIndex]) -> tuple[dict[MultiIndex, Tensor], Pullback]:
        """The jets, and the Jacobian by the parameters for any linear combination of them, J^T (P, N).

        Rows of J^T are ordered as ``torch.nn.utils.parameters_to_vector`` orders the parameters. The transpose is what LAPACK's
        column-major routines read without a copy.
        """
        wanted = list(indices)
        channels, traces = self._push(x, wanted, 1)
        tables: dict[MultiIndex, Tensor] = {}  # of the terms, (n, n_out, N); made when a pullback asks for them

        @torch.no_grad()
        def pullback(weights: dict[MultiIndex, Tensor]) -> Tensor:
            jacobian = x.new_empty(self.count, x.shape[0])
            adjoint: Jet = dict.fromkeys(channels)
            for alpha, weight in weights.items():
                rows = weight.expand(self.outputs, x.shape[0])
                adjoint[alpha] = self._spread(rows)
            start = self.count
            if self.terms is not None:
                start -= self.terms.count
                if missing := [alpha for alpha in weights if alpha not in tables]:
                    tables.update(self.terms.table(x, missing))
                self._pull_terms(tables, weights, jacobian[start:])
            for n in range(len(traces) - 1, -1, -1):
                layer = self.stack[n]
                start -= layer.count
                adjoint = layer.pull(adjoint, traces[n], jacobian[start : start + layer.count], n > 0)
            return jacobian

        return self._with_terms({alpha: self._present(channels[alpha], x) for alpha in wanted}, x), pullback

    def _with_terms(self, jet: dict[MultiIndex, Tensor], x: Tensor) -> dict[MultiIndex, Tensor]:
        if self.terms is None:
            return jet
        terms = self.terms.jet(x, jet)
        return {alpha: value + terms[alpha] for alpha, value in jet.items()}

    def _pull_terms(self, tables: dict[MultiIndex, Tensor], weights: dict[MultiIndex, Tensor], into: Tensor) -> None:
        """Rows (n, N) of the Jacobian transposed by the coefficients of the terms, which enter linearly."""
        into.zero_()
        for alpha, weight in weights.items():
            table = tables[alpha]  # (n, n_out, N)
            for field, row in enumerate(weight.expand(self.outputs, table.shape[2])):
                into.addcmul_(table[:, field], row)

    def _push(self, x: Tensor, indices: Sequence[MultiIndex], extra: int) -> tuple[Jet, list[LayerTrace]]:
        value = self._entered(x)
        jet: Jet = {}
        for alpha in closure([(0,) * self.inputs, *indices]):
            if not any(alpha):
                jet[alpha] = value.contiguous()  # (d, N)
            else:
                jet[alpha] = x.new_tensor(alpha)[:, None] if sum(alpha) == 1 else None  # (d, 1): constant
        traces = []
        for layer in self.stack:
            jet, trace = layer.push(jet, extra)
            traces.append(trace)
        if self.total:
            jet = {a: None if c is None else c.view(self.outputs, -1, c.shape[-1]).sum(1) for a, c in jet.items()}
        return jet, traces

    def _entered(self, x: Tensor) -> Tensor:  # (N, d) -> (d, N)
        if x.ndim != 2 or x.shape[1] != self.inputs:
            raise ValueError(f"points must have shape (N, {self.inputs}), not {tuple(x.shape)}")
        own = self.edges[0].breaks.dtype
        if x.dtype != own and not torch.is_autocast_enabled(x.device.type):
            raise ValueError(f"the points are {x.dtype} and the network is {own}; move one of them, as net.to(x) or x.to({own})")
        return x.T

    def _present(self, channel: Tensor | None, x: Tensor) -> Tensor:
        return x.new_zeros(self.outputs, x.shape[0]) if channel is None else channel

    def _spread(self, rows: Tensor) -> Tensor:  # (n_out, N) -> (nodes, N)
        return rows.repeat_interleave(self.stack[-1].nodes // self.outputs, 0) if self.total else rows

    def with_edges(self, edges: Sequence[Edges]) -> KAN:
        """The same wiring with other groups of edges, one for each of ``edges``, as many outputs each."""
        remaining = list(edges)
        layers = []
        for layer in self.stack:
            groups = [remaining.pop(0) for _ in layer.edges]
            layers.append(layer.with_groups(groups))
        return KAN.from_layers(layers, self.inputs, self.outputs, self.total, self.terms)

    def with_terms(self, terms: Terms | None) -> KAN:
        """The same edges, shared and not copied, with other singular terms or (None) without."""
        return KAN.from_layers(self.stack, self.inputs, self.outputs, self.total, terms)

    @torch.no_grad()
    def activations(self, x: Tensor) -> list[Tensor]:  # (N, d) -> (N, nodes) for each layer, the inputs first
        """The values of all nodes, layer by layer; without ``terms``, the last are the outputs (before they are added up)."""
        jet: Jet = {(0,): x.T.contiguous()}
        result = [x]
        for layer in self.stack:
            jet, _ = layer.push(jet)
            value = jet[(0,)]
            assert value is not None  # the value of a node is always there
            result.append(value.T)
        return result

    def fixed(self, layer: int, source: int, target: int, function: str, affine: Tensor | None = None) -> KAN:
        """A copy whose edge from node ``source`` of a layer (from 0) to subnode ``target`` is c f(a z + b) + d."""
        from kanpde.kan.fixing import fixed

        return fixed(self, layer, source, target, function, affine)

    def freed(self, layer: int, source: int, target: int) -> KAN:
        """A copy whose symbolic edge is the spline again that it was."""
        from kanpde.kan.fixing import freed

        return freed(self, layer, source, target)

    @torch.no_grad()
    def edge_values(self, x: Tensor) -> list[Tensor]:  # (N, d) -> (subnodes, nodes, N) for each layer
        """What every edge adds to its subnode, layer by layer; zero where an edge is pruned or there is none."""
        result = []
        for layer, nodes in zip(self.stack, self.activations(x)[:-1], strict=True):
            z = nodes.T.contiguous()
            values = z.new_zeros(layer.subnodes, len(z), z.shape[1])
            for group, source, (first, last) in zip(layer.edges, layer.sources, layer.targets, strict=True):
                values[first:last, list(source)] += group.functions(z[list(source)])[0].transpose(0, 1)
            if layer.symbolic is not None:
                places = layer.symbolic.places
                values.index_put_((places[:, 1], places[:, 0]), layer.symbolic.functions_at(z)[0], accumulate=True)
            result.append(values)
        return result

    def extend(self, grids: int | Sequence[Grid]) -> KAN:
        """The same function on finer grids: every interval cut into ``grids`` equal parts, or the given grids, which contain the
        old ones (one for each group; every input of a group of one input). Unchanged to round-off."""
        from kanpde.kan.refine import extend

        return extend(self, grids)

    def outside(self, x: Tensor) -> Tensor:  # (N, d) -> (d,)
        """The share of the points that lie beyond the grid of each input, where u is extrapolated (see ``kan.growth``)."""
        from kanpde.kan.growth import outside

        return outside(self, x)[0]

    def plot(
        self, x: Tensor | None = None, names: Sequence[str] | None = None, targets: Sequence[str] | None = None, title: str = ""
    ) -> Figure:
        """A picture: every edge with its function, the more visible the more it matters at points x (N, d)."""
        from kanpde.report.network_graph import draw_graph

        return draw_graph(self, x, names, targets, title)

    def spec(self) -> dict[str, Any]:
        """The architecture and the grids in plain types, for JSON; the weights are in ``state_dict``."""
        layers = [layer.spec() for layer in self.stack]
        spec = {"inputs": self.inputs, "outputs": self.outputs, "total": self.total, "layers": layers}
        return spec if self.terms is None else {**spec, "terms": self.terms.spec()}

    def save(self, path: str | PathLike[str]) -> None:
        """Writes architecture, grids and weights; ``torch.load(path, weights_only=True)`` reads them too."""
        torch.save({"spec": self.spec(), "state": self.state_dict()}, path)

    @classmethod
    def load(cls, path: str | PathLike[str], device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> KAN:
        """The network that ``save`` wrote, on a device, in the precision it had or another."""
        try:
            held = torch.load(path, map_location=device, weights_only=True)
        except pickle.UnpicklingError:
            held = None
        if not isinstance(held, dict) or not {"spec", "state"} <= set(held):
            raise ValueError(f"'{path}' holds no network that KAN.save wrote; for a state_dict use load_state_dict")
        own = next(t.dtype for t in held["state"].values() if isinstance(t, Tensor) and t.is_floating_point())
        network = cls.from_spec(held["spec"], dtype or own, device)
        network.load_state_dict(held["state"])
        return network

    @classmethod
    def from_spec(cls, spec: dict[str, Any], dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu") -> KAN:
        """The network that ``spec()`` describes, with all coefficients zero: then ``load_state_dict``."""
        layers = [layer_from_spec(layer, dtype, device) for layer in spec["layers"]]
        terms = Terms.from_spec(spec["terms"], dtype, device) if "terms" in spec else None
        return cls.from_layers(layers, spec["inputs"], spec["outputs"], spec["total"], terms)


def _shape(widths: Sequence[int | Sequence[int]]) -> list[tuple[int, int]]:
    """The sums and products of each layer; raises ValueError for what is no list of widths."""
    shape = []
    for width in () if isinstance(widths, str) else widths:
        pair: Any = (width, 0) if isinstance(width, Integral) else width
        right = isinstance(pair, Sequence) and len(pair) == 2 and all(_is_count(n, 0) for n in pair) and sum(pair) > 0
        if not right:
            raise ValueError(f"widths are numbers of nodes, or pairs [sums, products], as [2, 5, 1]; got {width!r}")
        shape.append((int(pair[0]), int(pair[1])))
    if len(shape) < 2 or shape[0][1]:
        wrong = repr(widths) if isinstance(widths, str) else list(widths)
        raise ValueError(f"widths need inputs and at least one layer, and no products at the input, as [2, 5, 1]; got {wrong}")
    return shape


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least  # numpy's integers too


def separable(
    grids: Sequence[Grid],
    coefficients: Sequence[Tensor],
    basis: str = "bspline",
    outputs: int = 1,
    terms: Terms | None = None,
) -> KAN:
    """The separable network u(x) = sum over j of prod over i of a_ij(x_i), each a_ij a spline on ``grids[i]``, plus ``terms``.

    ``coefficients[i]`` is (rank * outputs, K_i); with several outputs, the nodes of the first come first.
    """
    nodes = coefficients[0].shape[0]
    if any(c.shape[0] != nodes for c in coefficients):
        raise ValueError("every coordinate needs as many factors as there are product nodes")
    groups = []
    for grid, c in zip(grids, coefficients, strict=True):
        group = Edges(grid.breaks[None], nodes, grid.degree, basis)
        if c.shape[1] != group.size:
            raise ValueError(
                f"a grid of {grid.intervals} intervals, degree {grid.degree}, takes {group.size} coefficients, not {c.shape[1]}"
            )
        group.coefficients.data = c[None].detach().to(grid.breaks).clone()
        groups.append(group)
    d = len(groups)
    targets = [(i * nodes, (i + 1) * nodes) for i in range(d)]
    layer = Layer(groups, [[i] for i in range(d)], targets, 0, nodes, d)
    return KAN.from_layers([layer], d, outputs, True, terms)
