"""The four-point toy of KANs written from scratch: four values at the corners of a small square.

    python scripts/reproduce/four_points.py

(.25, .25) -> .25, (.25, .75) -> .75, (.75, .25) -> .75, (.75, .75) -> .25: exclusive or, which no sum of functions of x and of y
can give. Two layers can; the fit interpolates.
"""

from __future__ import annotations

import numpy as np
from table import Row, clock, print_head, print_row

import kanpde

POINTS = np.array([[0.25, 0.25], [0.25, 0.75], [0.75, 0.25], [0.75, 0.75]])
VALUES = np.array([0.25, 0.75, 0.75, 0.25])


def main() -> None:
    print_head("four points")
    learn = kanpde.fit  # imported now, not while the clock runs
    with clock() as spent:
        fit = learn(POINTS, VALUES, widths=[2, 2, 1], basis="bspline", grid=5, degree=3, validation=0.0, smoothness=0.0)
    predicted = fit(POINTS)
    for point, value, found in zip(POINTS, VALUES, predicted, strict=True):
        print_row(
            Row(f"u({point[0]}, {point[1]})", f"{value}", "the data", f"{found:.10f}", None, f"error {abs(found - value):.1e}")
        )
    error = float(np.sqrt(np.mean((predicted - VALUES) ** 2)))
    print_row(Row("root mean square error", None, "", error, spent.seconds, fit.outcome))


if __name__ == "__main__":
    main()
