"""Country modules: what the plates of a country look like, one TOML file each, checked when loaded."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from inference.errors import ModuleError
from inference.plate_colours import PlateColours
from inference.syntax import Variant, expand
from inference.types import PlateType

MODULES_DIR = Path(__file__).parent / "modules"

# A file of this size is no module; the largest of ours has 2 kB. A long dotted key costs the parser the square of it.
MAX_FILE_BYTES = 16 * 1024

# The United States, any state, have two dozen; the search costs what all forms of all syntaxes cost together.
MAX_SYNTAXES = 100

# Log likelihood by which colours overrule the narrower syntax: more than the characters' hue alone can give.
CLEARLY_OTHER = 3.0

# One line of six or seven characters does not fill a plate of these proportions: there are two.
NEARLY_SQUARE = 2.2

Code = Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,3}$|^X_[A-Z]{2}$|^[A-Z]{1,3}-[A-Z]{2,3}$")]
Iso = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
LetterSet = Annotated[str, StringConstraints(pattern=r"^[A-Z]*$")]
Pair = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2}$")]
Colour = Literal["white", "yellow", "black", "blue", "red", "green", "orange", "grey", "any"]
Centimetres = Annotated[float, Field(gt=0, le=130)]

WorldPart = Literal["europe", "north america", "south america", "asia"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlateForm(_Strict):
    """The plate as an object: what a camera has to resolve."""

    sizes_cm: Annotated[tuple[tuple[Centimetres, Centimetres], ...], Field(min_length=1)]
    character_height_cm: Centimetres
    stroke_cm: Annotated[float, Field(gt=0, le=5)]
    retro_reflective: bool = True
    two_lines: bool | None = None
    """Whether there are plates with the text on two lines; not given: where a second size is nearly square."""

    @property
    def has_two_lines(self) -> bool:
        if self.two_lines is not None:
            return self.two_lines
        return len(self.sizes_cm) > 1 and any(width <= NEARLY_SQUARE * height for width, height in self.sizes_cm)


class Style(_Strict):
    """Colours of one kind of plate and what ONVIF calls the kind."""

    name: str
    type: PlateType = PlateType.NORMAL
    characters: Colour = "black"
    background: Colour = "white"


class Syntax(_Strict):
    """One pattern of the language of `inference.syntax`; `share` says how common it is among the country's plates."""

    pattern: str
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    type: PlateType = PlateType.NORMAL
    letters: LetterSet = ""
    """The only letters its `L` and `A` stand for; empty: the module's own alphabet."""
    needs: Literal["nothing", "digit", "letter", "both"] = "nothing"
    """What a reading must hold at least one of: keeps words and telephone numbers out of loose patterns."""


class CountryModule(_Strict):
    """A country's or region's plates."""

    code: Code
    iso: Iso | None = None
    name: Annotated[str, Field(min_length=2)]
    issuing_entity: str | None = None
    world: WorldPart | None = None
    """Whose plates share their shape, type and colours; None for a country that copies several parts of the world."""
    generic: bool = False
    priority: Annotated[int, Field(ge=1, le=100)] = 50
    never: LetterSet = ""
    look_alikes: tuple[Pair, ...] = ()
    """Characters this country draws alike: no reader can tell them apart, only their place can."""
    plate: PlateForm
    style: tuple[Style, ...] = ()
    syntax: Annotated[tuple[Syntax, ...], Field(min_length=1, max_length=MAX_SYNTAXES)]

    @cached_property
    def variants(self) -> tuple[tuple[Syntax, Variant], ...]:
        """Every fixed-length form with the syntax it comes from."""
        return tuple(
            (syntax, variant)
            for syntax in self.syntax
            for variant in expand(syntax.pattern, never=self.never, letters=syntax.letters)
        )

    def allows(self, text: str) -> bool:
        """Whether `text` (A-Z, 0-9) is a plate of this module."""
        return bool(self._fitting(text))

    def plate_type(self, text: str, seen: Callable[[], PlateColours | None] = lambda: None) -> PlateType:
        """What kind of plate the text says it is: the narrowest syntax that fits knows best.

        Where syntaxes of several kinds fit, colours that clearly are another kind's decide; `seen` measures them.
        """
        kinds = list(dict.fromkeys(syntax.type for syntax, _ in self._fitting(text))) or [PlateType.NORMAL]
        colours = seen() if len(kinds) > 1 else None
        if colours is None:
            return kinds[0]
        fits = self.colour_fits(colours)
        # A kind of which no style says how it looks is neither chosen nor given up for its colours.
        best = max((kind for kind in kinds if kind in fits), key=fits.__getitem__, default=kinds[0])
        return best if fits.get(best, 0.0) - fits.get(kinds[0], 0.0) >= CLEARLY_OTHER else kinds[0]

    def colour_fits(self, seen: PlateColours) -> dict[PlateType, float]:
        """How well what was seen fits each kind of plate whose colours are known: 0 at best, a log likelihood."""
        fits: dict[PlateType, float] = {}
        for style in self.style:
            fit = seen.fit(background=style.background, characters=style.characters)
            fits[style.type] = max(fit, fits.get(style.type, fit))
        return fits

    def spelling(self, text: str) -> str:
        """The text as it stands on the plate, with a space between printed groups where there is one in any case."""
        fitting = self._fitting(text)
        if not fitting:
            return text
        same = [variant for _, variant in fitting if _size(variant) == _size(fitting[0][1])]
        gaps = [gap for gap in same[0].gaps if all(gap in variant.gaps for variant in same)]
        return " ".join(text[start:end] for start, end in pairwise([0, *gaps, len(text)]))

    def breaks(self, text: str) -> frozenset[int]:
        """After how many characters a new printed group, or the second of two lines, may begin."""
        return frozenset(gap for _, variant in self._fitting(text) for gap in variant.breaks)

    def _fitting(self, text: str) -> list[tuple[Syntax, Variant]]:
        """The forms that allow the text, those that allow the fewest texts first."""
        fitting = [
            (syntax, variant)
            for syntax, variant in self.variants
            if variant.matches(text) and has_what_it_needs(text, syntax)
        ]
        return sorted(fitting, key=lambda pair: _size(pair[1]))


def _size(variant: Variant) -> int:
    """How many texts a form allows."""
    return math.prod(len(allowed) for allowed in variant.positions)


def has_what_it_needs(text: str, syntax: Syntax) -> bool:
    """Whether the text holds the digit or letter the syntax asks for."""
    digit, letter = any(c.isdigit() for c in text), any(c.isalpha() for c in text)
    return {"nothing": True, "digit": digit, "letter": letter, "both": digit and letter}[syntax.needs]


def load_module(path: Path) -> CountryModule:
    """Read one file; raises ModuleError with everything that is wrong with it."""
    problems, module = _read(path)
    if module is None or problems:
        raise ModuleError(f"{path}: " + "; ".join(problems))
    return module


def check_module(path: Path) -> list[str]:
    """What is wrong with a module file, in words for its author; empty when it can be used."""
    return _read(path)[0]


def installed_modules() -> dict[str, CountryModule]:
    """Every module of ours by code; `inference.module_library` adds the user's own."""
    return dict(_shipped())


def select_modules(codes: Iterable[str], modules: Mapping[str, CountryModule]) -> tuple[CountryModule, ...]:
    """The modules of these codes; a country's code also brings its regions (`US` brings `US-CA`).

    A code no module has is taken for an ISO code (`DE` for `D`).
    """
    chosen: dict[str, CountryModule] = {}
    for code in codes:
        wanted = code.strip().upper()
        family = [c for c in modules if c == wanted or c.startswith(f"{wanted}-")]
        if not family:
            family = [c for c, module in modules.items() if module.iso == wanted]
        if not family:
            near = ", ".join(sorted(c for c in modules if c[:1] == wanted[:1])) or ", ".join(sorted(modules))
            raise ModuleError(f"no country module has the code {code!r}; installed are {near}")
        chosen |= {c: modules[c] for c in family}
    return tuple(chosen.values())


@cache
def _shipped() -> dict[str, CountryModule]:
    modules = [load_module(path) for path in sorted(MODULES_DIR.glob("*.toml"))]
    return {module.code: module for module in modules}


def _read(path: Path) -> tuple[list[str], CountryModule | None]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return [f"the file is larger than {MAX_FILE_BYTES} bytes: it is no country module"], None
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        module = CountryModule.model_validate(table)
    except OSError as error:
        return [f"cannot be read: {error.strerror}"], None
    except ValidationError as error:
        return [f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg']}" for e in error.errors()], None
    # The parser lets numbers of thousands of digits and endless nesting through as they break it.
    except (ValueError, RecursionError) as error:
        return [f"is not TOML: {error}"], None
    return _problems(path, module), module


def _problems(path: Path, module: CountryModule) -> list[str]:
    problems = []
    if path.stem != module.code:
        problems.append(f"the file must be called {module.code}.toml after its code")
    if module.generic != module.code.startswith("X_"):
        problems.append("generic modules, and only they, have a code that begins with X_")
    if not module.generic and module.iso is None:
        problems.append("iso is missing: the two-letter ISO 3166 code of the country")
    for syntax in module.syntax:
        try:
            for variant in expand(syntax.pattern, never=module.never, letters=syntax.letters):
                if "" in variant.positions:
                    problems.append(f"{syntax.pattern!r} has a position that allows nothing")
        except ModuleError as error:
            problems.append(str(error))
    for width, height in module.plate.sizes_cm:
        if module.plate.character_height_cm >= height:
            problems.append(
                f"characters of {module.plate.character_height_cm} cm do not fit a {width} x {height} cm plate"
            )
    if module.plate.stroke_cm >= module.plate.character_height_cm / 2:
        problems.append("the stroke is as thick as half a character: stroke_cm is the width of a stroke")
    return problems
