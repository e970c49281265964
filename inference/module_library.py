"""All country modules of an installation: ours, and the user's own files, which extend or replace them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inference.errors import ModuleError
from inference.modules import CountryModule, installed_modules, load_module, select_modules

# The world has some 200 countries; a folder with more files than this holds something else.
MAX_OWN_FILES = 1000


def own_modules_folder(data_dir: Path) -> Path:
    """Where a user's own module files lie in a data folder."""
    return data_dir / "modules"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleLibrary:
    """Every module by code. `own` names the file of each that is the user's, `problems` the files left out and why."""

    modules: Mapping[str, CountryModule] = field(default_factory=installed_modules)
    own: Mapping[str, Path] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @classmethod
    def open(cls, data_dir: Path) -> ModuleLibrary:
        """Ours and those of the data folder. A wrong file costs only itself: the other countries go on being read."""
        modules, own, problems = installed_modules(), {}, []
        for path in _files(own_modules_folder(data_dir)):
            try:
                module = load_module(path)
            except ModuleError as error:
                problems.append(f"{error}. It is left out; after mending it ask `onvif-lpr modules check {path}`")
                continue
            modules[module.code], own[module.code] = module, path
        return cls(modules=modules, own=own, problems=tuple(problems))

    @property
    def replaced(self) -> tuple[str, ...]:
        """Codes of built-in modules that a file of the user's stands in for."""
        return tuple(code for code in self.own if code in installed_modules())

    @property
    def notices(self) -> tuple[str, ...]:
        """What whoever runs this should be told, in sentences."""
        replacing = (f"{self.own[code]} replaces the built-in country module {code}" for code in self.replaced)
        return (*replacing, *self.problems)

    def checked(self, codes: Iterable[str]) -> tuple[str, ...]:
        """These codes as the modules write them, each once (`de` is `D`); raises ModuleError for one nobody has."""
        known: dict[str, None] = {}
        for code in codes:
            wanted = code.strip().upper()
            found = [module.code for module in select_modules([wanted], self.modules)]
            # A country's own code stays as it is: it also stands for regions that are added later.
            known |= dict.fromkeys([wanted] if wanted in found else found)
        return tuple(known)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.toml"))[:MAX_OWN_FILES] if folder.is_dir() else []
