"""Fields of three coordinates that are a function of one of them times a field of the other two that is simple when combined.

A drum that vibrates, J_0(r) cos(w t), or a vortex that decays: no sum of products in x and y, and no function of one coordinate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from kanpde.symbolic.curves.univariate import univariate
from kanpde.symbolic.form import Form, number
from kanpde.symbolic.rungs.coordinates import characteristic, polar
from kanpde.symbolic.rungs.refit import refit
from kanpde.symbolic.rungs.ridge import ridges
from kanpde.symbolic.sample import Samples, family
from kanpde.symbolic.view import View

EACH = 2
"""Forms of the other factor that each rung may propose."""


def separated(view: View) -> Iterator[Form]:
    """Forms f(x) g(y, z), with g a function of a combined coordinate, two waves, or products in polar coordinates."""
    for axis, nodes in enumerate(view.samples.axes):
        one = family(view.samples, axis, view.sigma)
        if one.rank != 1 or view.values.ndim != 3 or not view.budget.left:
            continue
        edge = one.values[:, 0]  # (n,), of the size of the field
        across = np.tensordot(edge, view.values, (0, axis)) / float(np.sqrt(np.mean(edge**2)) * nodes.n)
        others = [i for i in range(3) if i != axis]
        resolved = view.samples.resolved
        rest = view.of(
            Samples(tuple(view.samples.axes[i] for i in others), across, view.sigma, resolved), [view.symbols[i] for i in others]
        )
        along = view.of(Samples((nodes,), edge, view.sigma, resolved), (view.symbols[axis],))
        first = next(univariate(replace(along, problem=None, harvested=())), None)
        if first is None:
            view.transcript.append(f"the edge of {view.symbols[axis]} has no formula")
            continue
        for form in _simple(replace(rest, problem=None, harvested=())):
            scale = number(1 / float(np.sqrt(np.mean(edge**2))))  # a gauge, if both have factors: refit sees to it
            numbers = (scale, *first.numbers, *form.numbers)
            how = f"a function of {view.symbols[axis]} times {form.how}"
            whole = refit(Form(scale.symbol * first.expression * form.expression, numbers, how), view)
            if whole is not None:
                yield whole
                return


def _simple(rest: View) -> Iterator[Form]:
    for rung in (ridges, characteristic, polar):
        yield from islice(rung(rest), EACH)
