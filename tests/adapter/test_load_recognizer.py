"""The service reads with as many requests as its settings say, and keeps compiled models in its own data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.service import load_recognizer
from adapter.settings import Settings


async def test_the_settings_decide_how_many_pictures_are_read_at_once_and_where_models_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "not the data folder"
    monkeypatch.setenv("XDG_DATA_HOME", str(elsewhere))
    settings = Settings(data_dir=tmp_path / "data", inference_threads=2)
    recognizer = await load_recognizer(settings)
    assert recognizer.at_once == 2
    assert list((tmp_path / "data" / "model-cache").iterdir())
    assert not elsewhere.exists()
