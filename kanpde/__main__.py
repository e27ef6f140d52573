"""``python -m kanpde`` is the command ``kanpde``."""

import sys

from kanpde.cli import main

sys.exit(main())
