"""Killed at any point and started again, the program ends in the same digest: no article twice, no mail twice."""

import asyncio
import email
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import select

from digest.demo.cycle import EDITION, MORNING
from digest.demo.server import NewsroomServer
from digest.demo.sink import MailSink
from digest.edges import tables as t
from digest.edges.database import Database
from digest.edges.issues import IssueStore
from digest.records import Source

STAGES = ("feeds", "pages", "extract", "tag", "describe", "group")
# A part of the newsroom is enough here, and several languages with the same events.
OUTLETS = ("京海日报", "Elbbote")


@contextmanager
def newsroom_in_a_thread() -> Iterator[list[Source]]:
    """The server runs on while programs are killed."""
    ready, stop = Event(), Event()
    found: list[Source] = []

    async def serve() -> None:
        async with NewsroomServer(MORNING) as server:
            found.extend(source for source in server.sources() if source.name in OUTLETS)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


def start(ledger: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.demo.one_cycle", str(ledger), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def run_until(ledger: Path, stage: str, *arguments: str) -> list[str]:
    """Runs until the stage has saved something, then kills; returns what the program said."""
    said: list[str] = []
    with start(ledger, *arguments) as program:
        assert program.stdout is not None
        for line in program.stdout:
            said.append(line.strip())
            if said[-1] == stage:
                program.kill()
                break
    return said


def contents(ledger: Path) -> tuple[Counter[str], set[frozenset[str]], Counter[str]]:
    """Articles by address, stories as sets of addresses, and what was tagged."""
    database = Database(ledger)
    with database.read() as db:
        urls = {row.id: row.url for row in db.execute(select(t.article))}
        stories: dict[str, set[str]] = {}
        for row in db.execute(select(t.membership)):
            stories.setdefault(row.story, set()).add(urls[row.article_id])
        mentions = Counter(f"{urls[row.article_id]} {row.text}" for row in db.execute(select(t.mention)))
    assert database.check() == "ok"
    database.close()
    return Counter(urls.values()), {frozenset(story) for story in stories.values()}, mentions


def test_killed_at_every_stage_it_ends_in_the_same_stories(tmp_path: Path) -> None:
    with newsroom_in_a_thread() as sources:
        listed = tmp_path / "sources.json"
        rows = [{"name": s.name, "feed": s.feed, "language": s.language, "country": s.country} for s in sources]
        listed.write_text(json.dumps(rows), encoding="utf-8")
        whole, killed = tmp_path / "whole.db", tmp_path / "killed.db"
        assert run_until(whole, "never", "update", str(listed))[-1] == "finished"
        for stage in STAGES:
            assert run_until(killed, stage, "update", str(listed))[-1] == stage
        assert run_until(killed, "never", "update", str(listed))[-1] == "finished"
    expected, got = contents(whole), contents(killed)
    assert set(got[0].values()) == {1}
    assert got == expected
    mail_survives_kills(killed, tmp_path / "mail")


def mail_survives_kills(ledger: Path, folder: Path) -> None:
    """0 mails lost; a second copy only where the program died after the server had taken it, with the same id."""
    with MailSink(folder) as sink:
        for minutes, die_at in ((0, "claimed"), (10, "data started"), (20, "accepted")):
            said = run_until(ledger, "never", "send", sink.url, str(minutes), die_at)
            assert "finished" not in said, f"it should have died at {die_at!r}"
        assert run_until(ledger, "never", "send", sink.url, "30")[-1] == "finished"
        assert run_until(ledger, "never", "send", sink.url, "40")[-1] == "finished"  # nothing is left to send
    received = [email.message_from_bytes(path.read_bytes()) for path in folder.iterdir()]
    copies = Counter(str(message["To"]) for message in received)
    assert set(copies) == set(EDITION.recipients)
    assert sorted(copies.values()) == [1, 2]  # one death after "250", one duplicate
    assert len({message["Message-ID"] for message in received}) == len(EDITION.recipients)
    database = Database(ledger)
    assert IssueStore(database).outbox_counts() == {"sent": len(EDITION.recipients)}
    database.close()


@pytest.mark.parametrize("delay", [0.0, 0.4])
def test_killed_while_it_starts_it_leaves_a_usable_ledger(tmp_path: Path, delay: float) -> None:
    ledger = tmp_path / "digest.db"
    with start(ledger, "send", "smtp://127.0.0.1:9", "0") as program:
        deadline = time.monotonic() + 60
        while not ledger.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(delay / 10)
        program.kill()
    assert contents(ledger) == (Counter(), set(), Counter())
