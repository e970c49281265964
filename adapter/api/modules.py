"""Country modules over the API: what is installed, and which cameras use it."""

from __future__ import annotations

from collections.abc import Sequence

from adapter.api import views
from adapter.api.endpoint import Call, Endpoint
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
