"""Fonts for drawn plates: OFL fonts from `@fontsource` packages (`make training-fonts`)."""

from __future__ import annotations

from pathlib import Path

from fontTools.ttLib import TTFont

from inference.errors import InferenceError


def find_fonts(folder: Path, converted: Path) -> list[Path]:
    """The TrueType files of a folder, or those that its `@fontsource` packages become in `converted`.

    Raises InferenceError where there are neither.
    """
    found = sorted(folder.glob("*.ttf")) or convert_fonts(folder, converted)
    if not found:
        raise InferenceError(f"{folder} holds neither .ttf files nor @fontsource packages; run `make training-fonts`")
    return found


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
