"""Python's search for objects that refer to each other, put off while very many are made.

It looks at every object there is, and the whole process waits: half a second beside a list of 300,000 entries, in which
no plate is read. Entries and lines of an index refer to nothing that refers back, and go without that search.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


class _Search:
    """One for the process, as the search is."""

    def __init__(self) -> None:
        self._put_off = 0

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """While any such block runs. For the event loop's thread."""
        self._put_off += 1
        gc.disable()
        try:
            yield
        finally:
            self._put_off -= 1
            if not self._put_off:
                gc.enable()


search = _Search()
