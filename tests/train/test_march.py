"""The march in time: windows that cannot get to the end are given up, others are not."""

from itertools import accumulate, pairwise
from types import SimpleNamespace

import pytest

from kanpde.errors import DivergedError
from kanpde.train.march import March


def _hopeful(lengths):
    ends = [0.0, *accumulate(lengths)]
    windows = [SimpleNamespace(space=SimpleNamespace(window=window)) for window in pairwise(ends)]
    March._hopeful(SimpleNamespace(windows=windows, end=1.0), ends[-1])


def test_a_march_of_shrinking_short_windows_is_given_up():
    with pytest.raises(DivergedError, match="stay shorter than 1e-08") as raised:
        _hopeful([1.1e-8, 1.8e-9, 7e-10, 2.4e-10, 1.1e-10])
    assert "ill-posed" in raised.value.hint


@pytest.mark.parametrize("lengths", [[1e-10, 3e-10, 9e-10, 2.7e-9, 8e-9], [1e-3, 9e-4, 8e-4, 7e-4, 6e-4], [1e-9] * 4])
def test_growing_long_or_few_windows_go_on(lengths):
    _hopeful(lengths)
