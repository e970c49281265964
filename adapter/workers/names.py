"""What a worker may be called, and is called unless told otherwise."""

from __future__ import annotations

import re
import socket

MOST_CHARACTERS = 63
NAME_PATTERN = rf"^[A-Za-z0-9][A-Za-z0-9._-]{{0,{MOST_CHARACTERS - 1}}}$"
"""As hosts are."""


def is_name(text: str) -> bool:
    """Whether a worker may be called so."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def host_name() -> str:
    """This host's name without its domain; characters that a name cannot have are dashes."""
    name = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname().partition(".")[0]).strip("-_")
    return name[:MOST_CHARACTERS] or "worker"
