"""Random damage, in a process of its own: when FFmpeg takes that down, the round is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# So many seconds instead of the few rounds of every run, with another seed each time.
SECONDS_VARIABLE = "ONVIF_LPR_FUZZ_S"
ROUNDS = 150


@pytest.mark.timeout(max(300, 2 * float(os.environ.get(SECONDS_VARIABLE, "0")) + 120))
def test_random_damage_is_survived_within_time_and_memory(tmp_path: Path) -> None:
    seconds = os.environ.get(SECONDS_VARIABLE)
    seed = int.from_bytes(os.urandom(4)) if seconds else 1
    how = ["--seconds", seconds] if seconds else ["--rounds", str(ROUNDS)]
    command = [
        sys.executable,
        "-m",
        "tests.inference.fuzz_streams",
        "--seed",
        str(seed),
        "--folder",
        str(tmp_path),
        *how,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    last = (done.stdout + done.stderr)[-2000:]
    assert done.returncode == 0, f"the damaged file is in {tmp_path}; last words: {last}"
    survived = int(done.stdout.rsplit("survived ", 1)[1].split()[0])
    assert survived == ROUNDS if not seconds else survived > 0
