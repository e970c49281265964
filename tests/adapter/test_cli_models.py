"""`onvif-lpr read` on recordings and `onvif-lpr models`, as a person types them."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from aiohttp import web
from typer.testing import CliRunner

from adapter.cli import app
from inference.packs import PACKS_DIR, find_pack
from inference.selftest import KNOWN_TEXT, known_picture
from tests.inference.test_source import served
from tests.inference.test_watch import film

run = CliRunner()


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, so that this machine's packs are not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    data = tmp_path / "share" / "onvif-lpr"
    monkeypatch.setenv("ONVIF_LPR_DATA_DIR", str(data))
    return data


def passing(number: int) -> np.ndarray:
    """The known plate, nearer from frame to frame, then an empty road."""
    picture = np.full((360, 640, 3), 90, np.uint8)
    if 4 <= number < 16:
        size = 240 + 12 * number
        car = cv2.resize(known_picture(), (size, size * 2 // 3), interpolation=cv2.INTER_AREA)
        picture[60 : 60 + car.shape[0], 120 : 120 + size] = car
    return picture


def test_read_tells_each_vehicle_of_a_video_and_goes_on_after_a_bad_one(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"not a film")
    good = film(tmp_path / "good.mp4", passing, 40)
    files = [str(bad), str(good)]
    done = run.invoke(app, ["read", "--json", "--pack", "own", "--modules", "X_XX", *files])
    assert done.exit_code == 0, done.output
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert set(first) == {"file", "error"}
    assert first["file"] == str(bad)
    assert "no video that can be read" in first["error"]
    assert list(second) == ["file", "start_s", "end_s", "text", "likelihood", "country", "direction", "reads"]
    assert (second["file"], second["text"]) == (str(good), KNOWN_TEXT)
    assert 0.4 <= second["start_s"] < second["end_s"] <= 2.1
    table = run.invoke(app, ["read", "--pack", "own", "--modules", "X_XX", str(bad)]).stdout
    assert "bad.mp4" in table
    assert "no video that can be read" in re.sub(r"[│\s]+", " ", table)


def test_a_folder_that_is_called_like_a_picture_is_gone_through_once_on_a_device_in_small_letters(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "all" / "x.jpg"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "a.png"), known_picture())
    command = ["read", "--json", "--device", "cpu", "--modules", "X_XX", str(tmp_path / "all")]
    done = run.invoke(app, command)
    assert done.exit_code == 0, done.output
    assert [Path(json.loads(line)["file"]).name for line in done.stdout.splitlines()] == ["a.png"]


@pytest.mark.models
@pytest.mark.parametrize("over_network", [False, True])
async def test_a_pack_is_installed_after_its_licence_was_shown(
    over_network: bool, peer_weights: Path, data_dir: Path
) -> None:
    async def weights(request: web.Request) -> web.StreamResponse:
        path = peer_weights / Path(request.path).name
        if not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path)

    assert "no: " in row(run.invoke(app, ["models", "list"]).stdout)
    async with served(weights) as address:
        source = address if over_network else str(peer_weights)
        done = await asyncio.to_thread(run.invoke, app, ["models", "install", "fast-alpr", "--from", source])
    assert done.exit_code == 0, done.output
    words = " ".join(done.stdout.split())
    assert words.index("licence: MIT") < words.index("installed fast-alpr")
    assert words.index("source: the releases of ankandrew/open-image-models") < words.index("installed fast-alpr")
    assert words.count(f"downloading {address}") == (2 if over_network else 0)
    assert find_pack("fast-alpr", data_dir=data_dir).reader_path.is_relative_to(data_dir)
    assert "yes" in row(run.invoke(app, ["models", "list"]).stdout)


async def test_what_a_mirror_lacks_is_said_and_nothing_is_installed(data_dir: Path) -> None:
    async def empty(request: web.Request) -> web.Response:
        raise web.HTTPNotFound

    async with served(empty) as address:
        done = await asyncio.to_thread(run.invoke, app, ["models", "install", "fast-alpr", "--from", address])
    assert done.exit_code == 1
    words = " ".join(done.stderr.split())
    assert "answers 404 Not Found" in words
    assert "--from DIR" in words
    assert not list(data_dir.rglob("*.onnx*"))


def test_a_bad_pack_is_named_and_the_others_are_listed(data_dir: Path) -> None:
    for number, text in enumerate(
        (
            "title = [",
            (PACKS_DIR / "own" / "pack.toml").read_text(encoding="utf-8").replace("Our own", "[/red] Our own"),
            (PACKS_DIR / "own" / "pack.toml").read_text(encoding="utf-8").replace("margin = ", "margni = "),
            (PACKS_DIR / "ppocr" / "pack.toml").read_text(encoding="utf-8").replace('"rapidocr"', '"not.there"'),
        )
    ):
        (data_dir / "models" / f"bad-{number}").mkdir(parents=True)
        (data_dir / "models" / f"bad-{number}" / "pack.toml").write_text(text, encoding="utf-8")
    done = run.invoke(app, ["models", "list"])
    assert done.exit_code == 0, done.output
    words = re.sub(r"[│\s]+", "", done.stdout)
    assert "bad-0??no:" in words
    assert "[/red]Ourown" in words
    assert "thereisnomargni" in words
    assert "packagenot.thereisnotinstalled" in words
    assert "yes" in words  # ours


def row(table: str) -> str:
    """The lines of the table that tell of fast-alpr, as one."""
    found = re.search(r"│ fast-alpr .*?(?=│ own )", table, re.DOTALL)
    assert found is not None, table
    return " ".join(found[0].split())
