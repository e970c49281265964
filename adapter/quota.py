"""How many cameras and country modules may be in use: without limit, unless the settings name one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from adapter.settings import Settings
from adapter.store.cameras import CameraRecord
from adapter.store.errors import Refused
from inference.errors import ModuleError
from inference.module_library import ModuleLibrary
from inference.modules import select_modules

# What comes with a base licence of the best-known LPR product: for sites that are handed over by its rules.
CLASSIC_MODULES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The limits, None where there is none. A module counts once, on however many cameras it is used (M-226)."""

    cameras: int | None = None
    modules: int | None = None
    module_library: ModuleLibrary = field(default_factory=ModuleLibrary)

    @classmethod
    def of(cls, settings: Settings, library: ModuleLibrary) -> Quota:
        """A number of its own beats that of the profile."""
        profile = CLASSIC_MODULES if settings.quota == "classic" else None
        return cls(
            cameras=settings.max_cameras or None, modules=settings.max_modules or profile, module_library=library
        )

    def cameras_left(self, records: Sequence[CameraRecord]) -> int | None:
        """How many more may be enabled; None is without limit."""
        return None if self.cameras is None else max(0, self.cameras - _enabled(records))

    def modules_left(self, records: Sequence[CameraRecord]) -> int | None:
        """How many more country modules may be chosen; None is without limit."""
        return None if self.modules is None else max(0, self.modules - len(self.in_use(records)))

    def in_use(self, records: Iterable[CameraRecord]) -> set[str]:
        """The modules of these cameras. One without a choice asks all there are."""
        used: set[str] = set()
        for record in records:
            used |= self._of_camera(record)
        return used

    def check(self, record: CameraRecord, stored: Sequence[CameraRecord]) -> None:
        """Raises Refused when this record takes more than there is. What is over a limit already may stay so."""
        after = [*(one for one in stored if one.camera_id != record.camera_id), record]
        if self.cameras is not None and _enabled(after) > max(self.cameras, _enabled(stored)):
            raise Refused(
                f"{self.cameras} LPR cameras may be enabled, and as many are. Disable one first, or raise max_cameras"
                " in the settings."
            )
        used = self.in_use(after)
        if self.modules is None or len(used) <= max(self.modules, len(self.in_use(stored))):
            return
        if not record.modules:
            raise Refused(f"{self.modules} country modules may be in use: choose those that {record.name} needs.")
        raise Refused(
            f"{self.modules} country modules may be in use, and this would make {len(used)}: {', '.join(sorted(used))}."
            " Clear one on every camera first, or raise max_modules in the settings."
        )

    def _of_camera(self, record: CameraRecord) -> set[str]:
        if not record.modules:
            return set(self.module_library.modules)
        found: set[str] = set()
        for code in record.modules:
            try:
                found |= {module.code for module in select_modules([code], self.module_library.modules)}
            except ModuleError:
                continue  # its file was taken away: nothing of it is used
        return found


def _enabled(records: Sequence[CameraRecord]) -> int:
    return sum(record.enabled for record in records)
