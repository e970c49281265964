"""A country that does not exist, as its module file says it."""

from __future__ import annotations


def country_file(code: str = "ZZ", pattern: str = "LL DDD") -> str:
    """The smallest valid module."""
    return f"""
code = "{code}"
iso = "ZZ"
name = "Nowhere"
[plate]
sizes_cm = [[52.0, 11.0]]
character_height_cm = 7.5
stroke_cm = 1.0
[[syntax]]
pattern = "{pattern}"
"""


MINIMAL = country_file()
