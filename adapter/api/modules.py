"""Country modules over the API: what is installed, and which cameras use it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapter.api import views
from adapter.api.endpoint import Call, Endpoint
from adapter.store.cameras import CameraRecord
from inference.errors import ModuleError
from inference.module_library import ModuleLibrary
from inference.modules import CountryModule, select_modules


def endpoints() -> Sequence[Endpoint]:
    return (
        Endpoint(
            method="GET",
            path="/modules",
            summary="All country modules, and the cameras that name them",
            run=_all,
            answer=list[views.ModuleView],
        ),
    )


async def _all(call: Call) -> Sequence[views.ModuleView]:
    library = call.services.modules
    users: dict[str, list[str]] = {}
    for camera in await call.services.store.cameras.all():
        for code in _named(camera.modules, library):
            users.setdefault(code, []).append(camera.camera_id)
    return [_view(module, library, users.get(code, [])) for code, module in sorted(library.modules.items())]


def _named(codes: Sequence[str], library: ModuleLibrary) -> list[str]:
    """The modules a camera's choice brings; a code whose file was taken away meanwhile brings none."""
    found = []
    for code in codes:
        try:
            found += [module.code for module in select_modules([code], library.modules)]
        except ModuleError:
            continue
    return list(dict.fromkeys(found))


def choice(
    library: ModuleLibrary, camera: CameraRecord, others: Sequence[CameraRecord], *, limit: int | None
) -> dict[str, Any]:
    """What the page of a camera's country modules shows: every installed one, and what is selected.

    `free`: without a limit every installed module may be used, so those that no camera uses yet are left (M-224).
    """
    most = len(library.modules) if limit is None else limit
    elsewhere = {code for other in others for code in _named(other.modules, library)}
    in_use = elsewhere | set(_named(camera.modules, library))
    by_name = sorted(library.modules.values(), key=lambda module: (module.generic, module.name, module.code))
    return {
        "rows": [
            {
                "code": module.code,
                "name": f"{module.name} ({module.iso})" if module.issuing_entity else module.name,
                "own": module.code in library.own,
                "selected": module.code in camera.modules,
                "elsewhere": module.code in elsewhere,
            }
            for module in by_name
        ],
        "missing": [code for code in camera.modules if code not in library.modules],
        "most": most,
        "free": max(0, most - len(in_use)),
    }


def _view(module: CountryModule, library: ModuleLibrary, camera_ids: list[str]) -> views.ModuleView:
    return views.ModuleView(
        code=module.code,
        name=module.name,
        iso=module.iso,
        region=module.issuing_entity,
        generic=module.generic,
        priority=module.priority,
        own=module.code in library.own,
        replaces_built_in=module.code in library.replaced,
        sizes_cm=list(module.plate.sizes_cm),
        character_height_cm=module.plate.character_height_cm,
        stroke_cm=module.plate.stroke_cm,
        retro_reflective=module.plate.retro_reflective,
        plate_types=sorted({syntax.type for syntax in module.syntax}),
        camera_ids=camera_ids,
    )
