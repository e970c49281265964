"""`make clients`: install third-party ONVIF clients, each into an environment of its own below `.clients/`.

They cannot share one: onvif-zeep, onvif-zeep-async and onvif-python all install a top-level package `onvif`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".clients"
HERE = Path(__file__).resolve().parent
# Their versions, and those of all they need, are in constraints-NAME.txt beside this file.
PYTHON_CLIENTS = {"zeep-async": "onvif-zeep-async", "onvif-python": "onvif-python"}
# The client, and all it needs.
NODE_PACKAGES = ("onvif@0.8.3", "xml2js@0.6.2", "sax@1.6.1", "xmlbuilder@11.0.1")


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for name, package in PYTHON_CLIENTS.items():
        install_python_client(name, package)
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not installed: the Node client is left out. Its tests skip here, and fail under CI=true.")
        return 0
    done = FOLDER / "node" / f".{'+'.join(NODE_PACKAGES)}"
    if not done.exists():
        (FOLDER / "node").mkdir(exist_ok=True)
        options = ("--silent", "--no-audit", "--no-fund", "--prefix", FOLDER / "node")
        subprocess.run([npm, "install", *options, *NODE_PACKAGES], check=True)
        done.touch()
    return 0


def install_python_client(name: str, package: str) -> None:
    """Into an environment of its own, again when its constraints have changed."""
    constraints = HERE / f"constraints-{name}.txt"
    done = FOLDER / name / ".installed"
    if done.exists() and done.read_bytes() == constraints.read_bytes():
        return
    subprocess.run([sys.executable, "-m", "venv", FOLDER / name], check=True)
    pip = (FOLDER / name / "bin" / "pip", "--disable-pip-version-check", "install", "--quiet")
    subprocess.run([*pip, "--constraint", constraints, package], check=True)
    done.write_bytes(constraints.read_bytes())


if __name__ == "__main__":
    raise SystemExit(main())
