"""Fonts for drawn plates: OFL fonts from `@fontsource` packages (`make training-fonts`)."""

from __future__ import annotations

from pathlib import Path

from fontTools.ttLib import TTFont


def convert_fonts(packages: Path, out: Path) -> list[Path]:
    """Turn the latin woff2 files of the `@fontsource` packages below `packages` into TrueType files."""
    out.mkdir(parents=True, exist_ok=True)
    for source in sorted(packages.glob("*/files/*-latin-[5-7]00-normal.woff2")) + sorted(
        packages.glob("*/files/*-latin-400-normal.woff2")
    ):
        target = out / (source.stem + ".ttf")
        if not target.exists():
            font = TTFont(source)
            font.flavor = None
            font.save(target)
    return sorted(out.glob("*.ttf"))
