"""The rules load nothing heavy."""

from __future__ import annotations

import subprocess
import sys


def test_importing_the_rules_loads_no_model_decoder_database_or_server():
    code = (
        "import sys, rules.rules, rules.importing, rules.alarms;"
        "print([m for m in ('openvino', 'av', 'zeep', 'sqlalchemy', 'aiohttp', 'cv2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
