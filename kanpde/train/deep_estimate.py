"""The error estimate of a network in time windows: defect correction in splines on the network's own knots, window by window."""

from __future__ import annotations

import math
from typing import cast

from kanpde.assembly import LiftedSpace, RowBuilder
from kanpde.kan import KAN, WindowedKAN
from kanpde.results.types import Estimate
from kanpde.train.context import Context
from kanpde.train.deep_stage import input_breaks
from kanpde.train.estimate import METHOD, _march, network_jets

DEGREE = 7  # of the splines that correct, or five more than the order of the equation
SIZE = 8  # polynomials a window, before the correction adds its own


def estimate_windows(context: Context, builder: RowBuilder, network: WindowedKAN) -> Estimate:
    """The estimated relative L2 error; each window starts from the corrected end of the one before.

    The knots stand where the network has them, so that a layer that it resolves is resolved by the correction too. Infinite
    with more than one coordinate in space, where there is no correction yet.
    """
    if context.problem.domain.dimension != 2:
        return Estimate(math.inf, METHOD)
    context.tell("estimate")
    degree = max(DEGREE, max(builder.orders) + 5)
    pieces = []
    ends = network.ends.tolist()
    for number, window in enumerate(network.windows):
        breaks = network.ends.new_tensor(input_breaks(window)[builder.axis])
        across = builder.across(builder.others[-1], (ends[number], ends[number + 1]), SIZE)
        space = LiftedSpace(breaks, degree, builder.axis, (across,), len(builder.names))
        pieces.append((space, network_jets(window, builder)))
    whole = network_jets(cast(KAN, network), builder)  # only its jets are asked for
    return _march(context, builder, whole, pieces)
