"""The one-way arrows between the rooms, read from the syntax trees (docs/decisions/0001-rooms-and-seams.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("adapter", "onvif_client", "inference", "events", "rules", "mock_vms")

# For each place: the modules of other rooms it may import. The longest matching place decides.
ALLOWED: dict[str, tuple[str, ...]] = {
    "adapter": ("rules", "events", "inference", "onvif_client"),
    "rules": ("events", "inference.types"),
    "events": ("inference.types",),
    "inference": (),
    "onvif_client": (),
    "mock_vms": (),
    "mock_vms.vms": (),
    "mock_vms.demo": (),
    "mock_vms.camera": ("events.metadata",),
}
# Loaded by `import rules` and `import events` these would make a rule cost seconds and hundreds of megabytes.
HEAVY = ("openvino", "av", "cv2", "zeep", "onvif", "sqlalchemy", "torch")
LIGHT_PLACES = ("rules", "events", "inference.types")


def modules() -> list[tuple[str, Path]]:
    found = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return found


def imported(path: Path, *, at_module_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if at_module_level_only else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def inside(name: str, place: str) -> bool:
    return name == place or name.startswith(place + ".")


def own_place(module: str) -> str:
    return max((place for place in ALLOWED if inside(module, place)), key=len)


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_module_imports_only_along_the_arrows(module: str, path: Path) -> None:
    place = own_place(module)
    wrong = set()
    for name in imported(path):
        if name.split(".")[0] not in ROOMS or inside(name, place):
            continue
        if any(inside(name, allowed) or inside(allowed, name) for allowed in ALLOWED[place]):
            continue
        wrong.add(name)
    assert not wrong, f"{module} may not import {sorted(wrong)}"


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_light_rooms_load_nothing_heavy(module: str, path: Path) -> None:
    if not any(inside(module, place) for place in LIGHT_PLACES):
        pytest.skip("this place may load heavy libraries")
    assert not {name for name in imported(path) if name.split(".")[0] in HEAVY}


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_nothing_at_run_time_imports_the_training_code(module: str, path: Path) -> None:
    if inside(module, "inference.training"):
        pytest.skip("the training code may import itself")
    assert not {name for name in imported(path) if inside(name, "inference.training")}


def test_only_the_store_knows_sqlalchemy() -> None:
    knowing = {module for module, path in modules() if any(inside(n, "sqlalchemy") for n in imported(path))}
    assert {module for module in knowing if not inside(module, "adapter.store")} == set()
