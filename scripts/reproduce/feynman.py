"""The 15 Feynman rows of the KAN paper from 1000 points each, by kanpde.fit's defaults.

    python scripts/reproduce/feynman.py                          the table
    python scripts/reproduce/feynman.py --names I.6.2 --seeds 1

The best of the four published columns counts; cases_feynman.py says where the variables are sampled.
"""

from __future__ import annotations

from cases_feynman import FEYNMAN
from judged import arguments, chosen, judge


def main() -> None:
    options = arguments(__doc__.splitlines()[0], (case.name for case in FEYNMAN)).parse_args()
    judge("Feynman rows of the KAN paper", chosen(FEYNMAN, options.names), options.seeds, options.words)


if __name__ == "__main__":
    main()
