"""The one-way arrows between the rooms, read from the syntax trees (docs/decisions/0001-rooms-and-seams.md)."""

from __future__ import annotations

import ast
import functools
import tomllib
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
    "mock_vms.camera": ("events.metadata.rtsp", "events.metadata.rtsp_stream", "events.metadata.rtp"),
}
# What a room is called by and complains with may be spoken anywhere in the adapter; the rest of a room is work with it.
VOCABULARY = ("types", "errors")
ASSEMBLER = "adapter.service"
# What runs for as long as the service does. Whoever makes one decides what starts and stops with it, and when.
PARTS = {
    *("Store", "Rulebook", "Tasks", "Live", "Subscriptions", "Fleet", "Pictures", "Dispatcher", "RelayDriver"),
    *("Pipeline", "FaceRelays", "FaceUsers", "FaceCameras", "FaceImaging", "Server", "DeviceFace", "RtspServer"),
    *("CameraControl", "SnapshotControl", "Discovery"),
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


def test_the_types_of_every_room_are_checked_and_of_all_that_is_in_it() -> None:
    mypy = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert (mypy["strict"], set(mypy["packages"]), mypy.get("exclude", [])) == (True, set(ROOMS), [])


def each_module(*places: str) -> pytest.MarkDecorator:
    """Runs a test for every module inside these places."""
    chosen = [(module, path) for module, path in modules() if any(inside(module, place) for place in places)]
    return pytest.mark.parametrize(("module", "path"), chosen, ids=[module for module, _ in chosen])


@functools.cache
def imported(module: str, path: Path) -> frozenset[str]:
    """Full names of all modules that a file imports, wherever in it and however it writes that."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = _absolute(node, module, path)
            names.update(_module_or_its_name(start, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and _called(node) in {"import_module", "__import__"}:
            names.update(arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant))
    return frozenset(names)


def _absolute(node: ast.ImportFrom, module: str, path: Path) -> str:
    """The module of `from ... import`, also when it is written with dots."""
    if not node.level:
        return node.module or ""
    parts = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    kept = parts[: len(parts) - (node.level - 1)]
    return ".".join([*kept, *([node.module] if node.module else [])])


def _module_or_its_name(module: str, name: str) -> str:
    """`from inference import types` imports `inference.types`; `from inference.types import Box` does too."""
    folder = ROOT.joinpath(*module.split("."))
    is_module = (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()
    return f"{module}.{name}" if is_module else module


def _called(node: ast.Call) -> str:
    """The last name of what is called: `Store` in `Store.in_folder(...)` counts as well."""
    function = node.func
    if isinstance(function, ast.Attribute):
        of = function.value
        owner = of.id if isinstance(of, ast.Name) else of.attr if isinstance(of, ast.Attribute) else ""
        return owner if owner in PARTS else function.attr
    return function.id if isinstance(function, ast.Name) else ""


def inside(name: str, place: str) -> bool:
    return name == place or name.startswith(place + ".")


def own_place(module: str) -> str:
    return max((place for place in ALLOWED if inside(module, place)), key=len)


@each_module(*ROOMS)
def test_a_module_imports_only_along_the_arrows(module: str, path: Path) -> None:
    place = own_place(module)
    wrong = set()
    for name in imported(module, path):
        if name.split(".")[0] not in ROOMS or inside(name, place):
            continue
        if not any(inside(name, allowed) for allowed in ALLOWED[place]):
            wrong.add(name)
    assert not wrong, f"{module} may not import {sorted(wrong)}"


@each_module(*LIGHT_PLACES)
def test_light_rooms_load_nothing_heavy(module: str, path: Path) -> None:
    assert not {name for name in imported(module, path) if name.split(".")[0] in HEAVY}


@each_module(*ROOMS)
def test_nothing_at_run_time_imports_the_training_code(module: str, path: Path) -> None:
    if not inside(module, "inference.training"):
        assert not {name for name in imported(module, path) if inside(name, "inference.training")}


@each_module("adapter")
def test_a_file_works_with_at_most_two_rooms(module: str, path: Path) -> None:
    names = {name for name in imported(module, path) if name.rpartition(".")[2] not in VOCABULARY}
    rooms = {name.split(".")[0] for name in names} & (set(ROOMS) - {"adapter", "mock_vms"})
    assert len(rooms) <= 2, f"{module} works with {sorted(rooms)}; see decision 0001"


@each_module("adapter")
def test_only_the_service_puts_the_parts_together(module: str, path: Path) -> None:
    """What runs, and in which order it starts and stops, is read in one file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    made = {_called(node) for node in ast.walk(tree) if isinstance(node, ast.Call)} & PARTS
    assert made == (PARTS if module == ASSEMBLER else set()), f"{module} makes {sorted(made)}"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import inference", {"inference"}),
        ("from inference import types", {"inference.types"}),
        ("from inference.types import Box", {"inference.types"}),
        ("from . import types", {"events.types"}),
        ("from .types import Event", {"events.types"}),
        ("from ..inference import models", {"inference.models"}),
        ("import importlib\nimportlib.import_module('cv2')", {"importlib", "cv2"}),
        ("def late():\n    __import__('openvino')", {"openvino"}),
    ],
)
def test_no_way_to_import_goes_unseen(tmp_path: Path, text: str, names: set[str]) -> None:
    path = tmp_path / "outbox.py"
    path.write_text(text, encoding="utf-8")
    assert imported("events.outbox", path) == names


def test_only_the_store_knows_sqlalchemy() -> None:
    knowing = {module for module, path in modules() if any(inside(n, "sqlalchemy") for n in imported(module, path))}
    assert {module for module in knowing if not inside(module, "adapter.store")} == set()
