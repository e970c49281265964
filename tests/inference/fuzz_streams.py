"""Damages streams at random and reads them, for as long as it is told.

    python -m tests.inference.fuzz_streams --seconds 3600 --seed 1

Each round is a file of its own. When FFmpeg takes the process down, that file stays in the folder and its round was the
last one printed: `--seed SEED --from ROUND --rounds 1` makes it again.
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import sys
import time
from itertools import count
from pathlib import Path
from tempfile import gettempdir

import psutil

from inference.av_feed import AvFeed
from inference.errors import SourceEnded, SourceError
from inference.feeds import decode_image
from inference.image_size import MOST_PIXELS
from tests.fakes import damage
from tests.fakes.coded import CODINGS, Coding, Pictures

PICTURES = 12
# A claim within the limit is believed: a picture of 64 megapixels takes 100 MB in the decoder, which keeps some of them
# to predict others from, and 200 MB as BGR.
MOST_GROWTH_BYTES = 3 * 2**30
# A round of small pictures takes milliseconds. Claims within the limit take longer, and a busy machine much longer.
MOST_ROUND_S = 120.0


def run(*, seed: int, first: int, rounds: int | None, seconds: float | None, folder: Path) -> int:
    """How many rounds were survived. AssertionError names the round that took too much memory or time."""
    streams = {coding.name: _pictures(coding) for coding in CODINGS.values()}
    memory = psutil.Process().memory_info
    before, ends_s = memory().rss, time.monotonic() + (seconds or 0.0)
    for done, number in enumerate(count(first)):
        if done == rounds or (seconds is not None and time.monotonic() >= ends_s):
            return done
        print(f"seed {seed} round {number}", flush=True)
        began_s = time.monotonic()
        _round(random.Random(f"{seed}/{number}"), streams, folder)
        assert time.monotonic() - began_s < MOST_ROUND_S, f"round {number} took too long"
        assert memory().rss - before < MOST_GROWTH_BYTES, f"round {number} took too much memory"
    raise AssertionError("numbers do not end")


def _pictures(coding: Coding) -> tuple[list[bytes], list[bytes]]:
    """The same pictures in two sizes, as in a file."""
    sizes = Pictures(coding), Pictures(coding, (176, 144))
    one, other = ([pictures.encoded()[0] for _ in range(PICTURES)] for pictures in sizes)
    return one, other


def _round(dice: random.Random, streams: dict[str, tuple[list[bytes], list[bytes]]], folder: Path) -> None:
    coding = CODINGS[dice.choice(list(streams))]
    data = _damaged(dice, coding, *streams[coding.name])
    path = folder / f"fuzz{coding.suffix}"
    path.write_bytes(data)
    _read(AvFeed(str(path), key_frames_only=dice.random() < 0.2))
    if coding.name == "mjpeg":
        picture = decode_image(data)
        assert picture is None or picture.shape[0] * picture.shape[1] <= MOST_PIXELS


def _damaged(dice: random.Random, coding: Coding, own: list[bytes], other: list[bytes]) -> bytes:
    pieces = []
    share = dice.choice((0.1, 0.5, 1.0))
    for whole, foreign in zip(own, other, strict=True):
        if coding.name == "mjpeg":  # a file holds whole pictures, not RTP payloads
            parts, others = [whole], [foreign]
            choices: tuple[damage.Damage, ...] = (damage.flipped, damage.cut, damage.noise, damage.resized)
        else:
            parts, others, choices = coding.split(whole), coding.split(foreign), damage.ALL
        if dice.random() < share:
            parts = dice.choice(choices)(dice, parts, others, coding)
        pieces.append(b"".join(parts) if coding.name == "mjpeg" else coding.joined(parts))
    return b"".join(pieces)


def _read(feed: AvFeed) -> None:
    """Every picture, converted. A SourceError is an answer; anything else is a bug."""
    try:
        feed.open()
        while True:
            decoded = feed.read()
            if decoded is not None:
                picture = decoded.to_picture()
                assert 0 < picture.shape[0] * picture.shape[1] <= MOST_PIXELS
    except (SourceEnded, SourceError):
        return
    finally:
        feed.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, help="go on for so long")
    parser.add_argument("--rounds", type=int, help="so many rounds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="ROUND", help="the first round")
    parser.add_argument("--folder", type=Path, default=Path(gettempdir()), help="where the damaged files are written")
    given = parser.parse_args()
    if given.seconds is None and given.rounds is None:
        parser.error("say --seconds or --rounds")
    faulthandler.enable(sys.stderr)
    done = run(seed=given.seed, first=given.first, rounds=given.rounds, seconds=given.seconds, folder=given.folder)
    print(f"survived {done} rounds")


if __name__ == "__main__":
    main()
