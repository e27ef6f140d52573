"""The default recipe of regression: from points to a network without any setting.

Each coordinate has a prior (``prior``), whose scale the data choose (``evidence``); under it sums of products are a linear
problem (``polynomial``). Directions (``directions``) and a last function (``outer``) are looked for, points that were held back
decide (``choose``), and the result becomes a network (``products``, ``as_network``).
"""

from kanpde.learn.choice.as_network import as_network
from kanpde.learn.choice.choose import Candidate, Choice, choose

__all__ = ["Candidate", "Choice", "as_network", "choose"]
