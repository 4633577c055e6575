"""The page of settings follows the code."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from qunclub.config import Settings, env_name
from qunclub.devtools import settings_docs


def test_every_setting_is_on_the_page() -> None:
    page = settings_docs.PAGE.read_text(encoding="utf-8")
    for entry in fields(Settings):
        assert f"| `{env_name(entry.name, entry.metadata)}` |" in page
        assert entry.metadata["help"], entry.name


def test_an_old_page_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settings_docs, "PAGE", tmp_path / "settings.md")
    assert settings_docs.main([]) == 1
    assert "--write" in capsys.readouterr().out
    assert settings_docs.main(["--write"]) == 0
    assert settings_docs.main([]) == 0
