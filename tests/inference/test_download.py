"""Weights over the network, from a server of this test: whole, damaged, too large, too slow, not there."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from inference.download import download_pack
from inference.errors import PackError
from inference.packs import PACKS_DIR, PackFile, describe_pack, find_pack
from tests.fakes.tcp import listening
from tests.inference.test_source import served

DETECTOR, READER = b"detector" * 9000, b"reader" * 5000
RELEASED = "released.onnx"


def describe(data: Path, address: str, *, size_bytes: int = len(DETECTOR)) -> None:
    """A pack `mine` like fast-alpr, whose files come from this address; the released detector has a name of its own."""
    text = (PACKS_DIR / "fast-alpr" / "pack.toml").read_text(encoding="utf-8").replace('"fast-alpr"', '"mine"')
    text = re.sub(r"url = .*", f'url = "{address}{RELEASED}"', text, count=1)
    text = text.replace("yolo-v9-t-416-license-plates-end2end.onnx", RELEASED)
    text = text.replace("0469d81f176081671ca4caca1e05f94758eae2f9f659bb8a6c410216f2173fe4", sha256(DETECTOR))
    text = text.replace("size_bytes = 7777518", f"size_bytes = {size_bytes}")
    text = re.sub(r'url = "https://.*', f'url = "{address}cct_xs_v2_global.onnx"', text)
    text = text.replace("8031afb5fdc6b4d80462c9d542f1284ebd2cfddf5dbacd62609848d7e2855f44", sha256(READER))
    folder = data / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "pack.toml").write_text(text, encoding="utf-8")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def release(request: web.Request) -> web.Response:
    """What a project's release page gives."""
    files = {RELEASED: DETECTOR, "cct_xs_v2_global.onnx": READER}
    if request.match_info["path"] not in files:
        raise web.HTTPNotFound
    return web.Response(body=files[request.match_info["path"]])


async def download(data: Path, **options: object) -> PackFile:
    return await asyncio.to_thread(lambda: download_pack("mine", data_dir=data, **options))  # type: ignore[arg-type]


def installed(data: Path) -> list[str]:
    return sorted(path.name for path in (data / "models").rglob("*") if path.is_file() and path.name != "pack.toml")


async def test_the_released_files_are_fetched_checked_and_found(tmp_path: Path) -> None:
    said: list[str] = []
    async with served(release) as address:
        describe(tmp_path, address)
        with pytest.raises(PackError, match=r"run: onvif-lpr models install mine$"):
            find_pack("mine", data_dir=tmp_path)
        await download(tmp_path, say=said.append)
    found = find_pack("mine", data_dir=tmp_path)
    assert found.detector_path.read_bytes() == DETECTOR
    assert found.reader_path.read_bytes() == READER
    assert installed(tmp_path) == ["cct_xs_v2_global.onnx", RELEASED]
    assert said == [f"downloading {address}{RELEASED}", f"downloading {address}cct_xs_v2_global.onnx"]


async def test_a_mirror_may_have_the_files_under_its_own_address(tmp_path: Path) -> None:
    describe(tmp_path, "http://127.0.0.1:1/")
    async with served(release) as address:
        await download(tmp_path, mirror=f"{address}")
    assert find_pack("mine", data_dir=tmp_path).detector_path.name == RELEASED


async def damaged(request: web.Request) -> web.Response:
    return web.Response(body=DETECTOR[:-1] + b"x")


async def endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(100):
        await answer.write(bytes(2**16))
    return answer


async def dribbling(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(100):
        await answer.write(b"x")
        await asyncio.sleep(0.02)
    return answer


async def silent(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    await asyncio.sleep(2)
    return answer


async def cut_short(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": str(len(DETECTOR))})
    await answer.prepare(request)
    await answer.write(DETECTOR[:100])
    assert request.transport is not None
    request.transport.close()
    return answer


async def refusing(request: web.Request) -> web.Response:
    raise web.HTTPForbidden


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (damaged, "sha256 differs"),
        (endless, f"more than the {len(DETECTOR)} bytes"),
        (dribbling, "did not arrive within 0 s"),
        (silent, "timed out"),
        (cut_short, "sha256 differs after 100 bytes"),
        (refusing, "answers 403 Forbidden"),
    ],
)
async def test_what_is_not_the_file_is_refused_and_leaves_nothing(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]], words: str, tmp_path: Path
) -> None:
    async with served(handler) as address:
        describe(tmp_path, address)
        with pytest.raises(PackError) as refused:
            await download(tmp_path, silence_s=0.2, longest_s=0.3)
    assert words in str(refused.value)
    assert address in str(refused.value)
    assert installed(tmp_path) == []


async def test_offline_is_said_with_the_way_out(tmp_path: Path) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with listening(hang_up) as port:
        pass
    describe(tmp_path, f"http://127.0.0.1:{port}/")
    with pytest.raises(PackError, match=r"cannot be fetched .*refused.*--from DIR"):
        await download(tmp_path)
    assert installed(tmp_path) == []


def test_packs_that_come_with_a_package_or_without_an_address_say_so(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="Python package rapidocr"):
        download_pack("ppocr", data_dir=tmp_path)
    with pytest.raises(PackError, match="own is installed with its weights"):
        download_pack("own", data_dir=tmp_path)
    bare = tmp_path / "models" / "own"
    bare.mkdir(parents=True)
    shutil.copyfile(PACKS_DIR / "own" / "pack.toml", bare / "pack.toml")
    with pytest.raises(PackError, match="names no address"):
        download_pack("own", data_dir=tmp_path)


def test_the_peers_addresses_are_those_of_its_projects_releases() -> None:
    described = describe_pack("fast-alpr")
    downloads = described.detector.download, described.reader.download
    for download, project in zip(downloads, ("open-image-models", "fast-plate-ocr"), strict=True):
        assert download is not None
        assert download.url.startswith(f"https://github.com/ankandrew/{project}/releases/download/")
        assert download.url.endswith(download.file)
    # The reader that is released is the very file that the pack was measured with.
    assert downloads[1] is not None
    assert downloads[1].sha256 == described.reader.sha256
