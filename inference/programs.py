"""How the programs of this room (`python -m inference.…`) end where they cannot use what they were given."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from inference.errors import InferenceError, SourceError


def run(main: Callable[[], int | None]) -> NoReturn:
    """Run and exit; what a person gave wrongly is said in one sentence, with exit code 1."""
    try:
        code: int | str | None = main()
    except (InferenceError, SourceError, OSError) as error:
        code = f"error: {error}"
    sys.exit(code)
