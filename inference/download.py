"""A pack's weights over the network: from the addresses its `pack.toml` names, or from a mirror of them.

A file counts only with the sha256 that the pack names, so that it does not matter who served it.
"""

from __future__ import annotations

import hashlib
import http.client
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from inference.errors import PackError
from inference.packs import (
    DetectorSpec,
    PackFile,
    ReaderSpec,
    default_data_dir,
    describe_pack,
    install_pack,
    pack_problem,
)

# A server that says nothing for so long is away; one that dribbles would never end.
SILENCE_S = 20.0
LONGEST_S = 900.0
# A mirror's file is as large as it likes; no network of ours comes near.
MOST_BYTES = 512 * 2**20
CHUNK_BYTES = 64 * 1024

# What a download can raise while it is asked for and read.
_FAILURES = (OSError, http.client.HTTPException, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One file to fetch."""

    file: str
    url: str
    sha256: str
    most_bytes: int


class _NotThere(PackError):
    """The server knows no such file."""


def download_pack(
    name: str,
    *,
    mirror: str | None = None,
    data_dir: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
    silence_s: float = SILENCE_S,
    longest_s: float = LONGEST_S,
) -> PackFile:
    """Fetch a pack's weights and install them; raises PackError with cause and cure, and then nothing was installed.

    `mirror` is the address of a folder that holds the files under their names.
    """
    described = describe_pack(name, data_dir=data_dir)
    if described.package is not None:
        raise PackError(f"the weights of {name} come with the Python package {described.package}; nothing to install")
    if mirror is None and described.detector.download is None and not pack_problem(name, data_dir=data_dir):
        raise PackError(f"{name} is installed with its weights; there is nothing to download")
    models = (data_dir or default_data_dir()) / "models"
    models.mkdir(parents=True, exist_ok=True)
    # Beside its goal: the same disk has room for both, and a broken download leaves nothing behind.
    with tempfile.TemporaryDirectory(dir=models, prefix=".download-") as folder:
        for spec in (described.detector, described.reader):
            choices = list(_choices(described, spec, mirror))
            _fetch_one_of(choices, Path(folder), say=say, silence_s=silence_s, longest_s=longest_s)
        return install_pack(name, source_dir=Path(folder), data_dir=data_dir)


def _choices(described: PackFile, spec: DetectorSpec | ReaderSpec, mirror: str | None) -> Iterator[list[Wanted]]:
    """The sets of files that will do, and where each is."""
    if mirror is not None:
        for files in spec.variants:
            yield [
                Wanted(file=file, url=f"{mirror.rstrip('/')}/{file}", sha256=digest, most_bytes=MOST_BYTES)
                for file, digest in files
            ]
        return
    released = spec.download
    if released is None:
        raise PackError(
            f"the pack {described.name} names no address for {spec.file}; get it from {described.source} and run: "
            f"onvif-lpr models install {described.name} --from DIR"
        )
    yield [
        Wanted(file=released.file, url=released.url, sha256=released.sha256, most_bytes=released.size_bytes),
    ]


def _fetch_one_of(
    choices: list[list[Wanted]], folder: Path, *, say: Callable[[str], None], silence_s: float, longest_s: float
) -> None:
    for place, files in enumerate(choices):
        try:
            for wanted in files:
                say(f"downloading {wanted.url}")
                _fetch(wanted, folder / wanted.file, silence_s=silence_s, longest_s=longest_s)
            return
        except _NotThere:
            if place == len(choices) - 1:
                raise


def _fetch(wanted: Wanted, path: Path, *, silence_s: float, longest_s: float) -> None:
    give_up_s = time.monotonic() + longest_s
    digest = hashlib.sha256()
    taken = 0
    try:
        request = urllib.request.Request(wanted.url, headers={"User-Agent": "onvif-lpr"})  # noqa: S310  # http(s) only: PackFile and the command check it
        with urllib.request.urlopen(request, timeout=silence_s) as answer, path.open("wb") as file:  # noqa: S310  # as above
            while chunk := answer.read1(CHUNK_BYTES):
                taken += len(chunk)
                if taken > wanted.most_bytes:
                    raise PackError(f"{wanted.url} sends more than the {wanted.most_bytes} bytes that it should have")
                if time.monotonic() > give_up_s:
                    raise PackError(f"{wanted.url} did not arrive within {longest_s:.0f} s; {_OTHERWISE}")
                digest.update(chunk)
                file.write(chunk)
    except urllib.error.HTTPError as error:
        error.close()
        kind = _NotThere if error.code in {404, 410} else PackError
        raise kind(f"{wanted.url} answers {error.code} {error.reason}; {_OTHERWISE}") from error
    except _FAILURES as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise PackError(f"{wanted.url} cannot be fetched ({reason}); {_OTHERWISE}") from error
    if digest.hexdigest() != wanted.sha256:
        raise PackError(
            f"{wanted.url} is not the file the pack names (its sha256 differs after {taken} bytes); {_OTHERWISE}"
        )


_OTHERWISE = "try again, or download the files elsewhere and give their folder with --from DIR"
