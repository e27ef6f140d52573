"""The 15 special functions of the KAN paper from 1000 points each, by kanpde.fit's defaults.

    python scripts/reproduce/special_functions.py                        the table, on the unit square
    python scripts/reproduce/special_functions.py --boxes wide           on larger boxes
    python scripts/reproduce/special_functions.py --names jv yv --seeds 1

Where the paper sampled its variables is not known: cases_special.py says what is taken instead, and why there are two sets.
"""

from __future__ import annotations

from cases_special import BOXES
from judged import arguments, chosen, judge


def main() -> None:
    parser = arguments(__doc__.splitlines()[0], (case.name for case in BOXES["unit"]))
    parser.add_argument("--boxes", choices=sorted(BOXES), default="unit", help="where the variables are sampled (default: unit)")
    options = parser.parse_args()
    cases = chosen(BOXES[options.boxes], options.names)
    judge(f"special functions of the KAN paper, {options.boxes} boxes", cases, options.seeds, options.words)


if __name__ == "__main__":
    main()
