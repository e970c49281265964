"""What the country modules say about plates, for the press: real syntaxes with their groups, and real colours."""

from __future__ import annotations

import random
from dataclasses import dataclass

from inference.modules import CountryModule, Syntax, installed_modules
from inference.syntax import Variant
from inference.training.reader_model import LONGEST

Bgr = tuple[int, int, int]

# Paint as cameras show it; blue, green, ascending.
PAINT: dict[str, Bgr] = {
    "white": (240, 240, 240),
    "yellow": (40, 190, 240),
    "black": (22, 22, 22),
    "blue": (150, 70, 20),
    "red": (35, 35, 170),
    "green": (60, 120, 40),
    "orange": (30, 120, 240),
    "grey": (190, 190, 190),
}
NORTH_AMERICA = ("US", "CDN", "MEX")
SOUTH_AMERICA = ("BR",)
# Plates of these proportions (width to height) and more are long ones.
LONG = 3.4


@dataclass(frozen=True, slots=True)
class Ticket:
    """What to draw: the text with a space between groups, and the colours; None where the module leaves them open."""

    text: str
    ink: Bgr | None
    ground: Bgr | None


class Countries:
    """Draws texts by family of plates: each module, then each of its syntaxes by its share."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._variants: dict[str, list[tuple[Syntax, Variant]]] = {}
        modules = [module for module in installed_modules().values() if not module.generic]
        american = [m for m in modules if m.code.split("-")[0] in NORTH_AMERICA]
        brazilian = [m for m in modules if m.code in SOUTH_AMERICA]
        others = [m for m in modules if m not in american and m not in brazilian]
        self._modules = {
            "american": american,
            "brazil": brazilian,
            "eu": [m for m in others if m.plate.sizes_cm[0][0] >= LONG * m.plate.sizes_cm[0][1]] or others,
            "asian": [m for m in others if m.code in {"IND", "MAL", "PK", "VN", "HK", "RCB", "J"}] or others,
        }

    def ticket(self, family: str) -> Ticket:
        """A number of one of the family's countries, as it is printed there."""
        rng = self._rng
        module = rng.choice(self._modules[family])
        for _ in range(20):
            text = self._text(module)
            if text is not None:
                break
        else:
            return Ticket("AB 1234", None, None)
        style = rng.choice(module.style) if module.style else None
        ink, ground = (PAINT.get(style.characters), PAINT.get(style.background)) if style else (None, None)
        return Ticket(text, ink, ground)

    def _text(self, module: CountryModule) -> str | None:
        rng = self._rng
        syntax = rng.choices(module.syntax, [one.share for one in module.syntax])[0]
        if module.code not in self._variants:
            self._variants[module.code] = module.variants()
        variant = rng.choice([variant for one, variant in self._variants[module.code] if one is syntax])
        if not 3 <= len(variant.positions) <= LONGEST:
            return None
        characters = [rng.choice(allowed) for allowed in variant.positions]
        return "".join((" " if index in variant.gaps else "") + char for index, char in enumerate(characters))
