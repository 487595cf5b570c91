"""The commands in this process, in a folder that holds a configuration and an empty ledger."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from digest import cli
from tests.ledger import new_ledger

CONFIG = """\
sources:
  - name: 京海日报
    feed: http://127.0.0.1:1/feed
    language: zh-Hans
    country: CN
editions:
  - name: morning
    title: Morning briefing
    at: "06:30"
    zone: Europe/Berlin
    recipients: ["Desk <desk@example.org>", "編集部 <henshu@example.org>"]
fetch:
  allow_hosts: ["127.0.0.0/8"]
  contact: desk@example.org
"""


@dataclass(frozen=True, slots=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        return self.out + self.err


Digest = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user stands: a configuration and nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGEST_DATABASE", str(tmp_path / "digest.db"))
    for name in ("DIGEST_SMTP_URL", "DIGEST_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "feeds.yaml").write_text(CONFIG, encoding="utf-8")
    new_ledger(tmp_path / "digest.db").close()
    return tmp_path


@pytest.fixture
def digest(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Digest:
    """The command in this process: half a second where a process of its own takes three."""

    def run(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["digest", *map(str, arguments)])
        capsys.readouterr()
        try:
            cli.main()
            code: object = 0
        except SystemExit as end:
            code = end.code or 0
        told = capsys.readouterr()
        assert isinstance(code, int)
        assert "Traceback" not in told.out + told.err
        return Result(code, told.out, told.err)

    return run
