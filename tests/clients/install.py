"""`make clients`: install third-party ONVIF clients, each into an environment of its own below `.clients/`.

They cannot share one: onvif-zeep, onvif-zeep-async and onvif-python all install a top-level package `onvif`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".clients"
PYTHON_CLIENTS = {"zeep-async": "onvif-zeep-async==4.3.0", "onvif-python": "onvif-python==0.4.7"}
NODE_CLIENT = "onvif@0.8.3"


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for name, package in PYTHON_CLIENTS.items():
        done = FOLDER / name / f".{package}"
        if not done.exists():
            subprocess.run([sys.executable, "-m", "venv", FOLDER / name], check=True)
            pip = FOLDER / name / "bin" / "pip"
            subprocess.run([pip, "--disable-pip-version-check", "install", "--quiet", package], check=True)
            done.touch()
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not installed: the Node client is left out, and its tests will skip")
        return 0
    done = FOLDER / "node" / f".{NODE_CLIENT}"
    if not done.exists():
        (FOLDER / "node").mkdir(exist_ok=True)
        subprocess.run(
            [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", FOLDER / "node", NODE_CLIENT],
            check=True,
        )
        done.touch()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
