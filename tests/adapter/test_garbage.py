"""The search for garbage comes back when the last of those that put it off is done."""

from __future__ import annotations

import gc

import pytest

from adapter import garbage


def test_the_search_is_put_off_as_long_as_anybody_wants_it() -> None:
    first, second = garbage.search.put_off(), garbage.search.put_off()
    with first:
        with second:
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_search_comes_back_after_an_error() -> None:
    with pytest.raises(ValueError, match="no list"), garbage.search.put_off():
        raise ValueError("no list")
    assert gc.isenabled()
