"""The commands as a user meets them: plain words, the right exit code, and never a traceback or a password."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from digest import __main__ as started
from digest import cli
from digest import config as configuration
from digest.edges.database import Database
from digest.edges.issues import IssueStore
from digest.edges.store import Store
from digest.records import Article, Change
from tests.conftest import CONFIG, Digest, Result
from tests.ledger import JINGHAI, NOW, put

ROOT = Path(__file__).parent.parent
SECRET = "smtp://me:s3cret@127.0.0.1:1"
SENTENCE = "国家网信办约谈了腾讯公司的负责人，要求其限期整改并提交报告。"
POST = (
    f"---\ntitle: 网信办约谈腾讯\ndate: 2026-03-18 10:04\nfrom: https://jinghai.example/2\n---\n<p>{SENTENCE * 5}</p>\n"
)


def ledger(folder: Path) -> Database:
    return Database(folder / "digest.db")


# --- wrong use and mistakes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("inspect",),
        ("inspect", "nonsense"),
        ("inspect", "tag"),
        ("inspect", "page"),
        ("send",),
        ("send", "morning", "--date", "yesterday"),
        ("send", "morning", "--date", "2026-02-30"),
        ("export", "--format", "xlsx"),
        ("export", "--since", "March"),
        ("status", "--nonsense"),
        ("import",),
    ],
    ids=" ".join,
)
def test_wrong_use_ends_with_2(digest: Digest, arguments: Sequence[str]) -> None:
    result = digest(*arguments)
    assert result.code == 2
    assert "Usage: " in result.told


WITH_CONFIG = (
    ("check",),
    ("update",),
    ("run",),
    ("send", "morning"),
    ("preview", "morning"),
    ("status",),
    ("doctor",),
    ("import", "post.md"),
)


@pytest.mark.parametrize("arguments", WITH_CONFIG, ids=lambda arguments: arguments[0])
def test_mistake_in_the_configuration_is_told_by_line_with_a_remedy(
    digest: Digest, folder: Path, arguments: Sequence[str]
) -> None:
    (folder / "feeds.yaml").write_text(CONFIG.replace("zh-Hans", "klingon"), encoding="utf-8")
    result = digest(*arguments)
    assert result.code == 1
    assert "feeds.yaml, line 4" in result.err
    assert "'klingon' is not a language that Digest knows; write one of" in result.err
    assert result.out == ""


@pytest.mark.parametrize("arguments", WITH_CONFIG, ids=lambda arguments: arguments[0])
def test_missing_configuration_is_told_with_a_remedy(digest: Digest, arguments: Sequence[str]) -> None:
    result = digest(*arguments, "--config", "none.yaml")
    assert result.code == 1
    assert "none.yaml: the file cannot be read (No such file or directory); name another with --config" in result.err


def test_check_tells_every_mistake_at_once(digest: Digest, folder: Path) -> None:
    assert digest("check") == Result(0, "feeds.yaml: good: 1 sources in 1 languages, 1 editions\n", "")
    text = CONFIG.replace("zh-Hans", "klingon").replace("Europe/Berlin", "Mars").replace("CN", "China")
    (folder / "feeds.yaml").write_text(text, encoding="utf-8")
    lines = digest("check").err.splitlines()
    assert [line.split(",")[1] for line in lines] == [" line 4", " line 5", " line 10"]


@pytest.mark.parametrize("command", ["send", "preview"])
def test_unknown_edition_is_told_with_the_known(digest: Digest, command: str) -> None:
    result = digest(command, "evening")
    assert (result.code, result.out) == (1, "")
    assert result.err == "digest: feeds.yaml: no edition is named 'evening'; the editions are: morning\n"


@pytest.mark.parametrize("command", ["tag", "group"])
@pytest.mark.parametrize("name", ["none.jsonl", "."])
def test_file_to_inspect_that_cannot_be_read_is_told(digest: Digest, command: str, name: str) -> None:
    result = digest("inspect", command, name)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"digest: {name}: the file cannot be read (")


@pytest.mark.parametrize("command", ["feed", "page"])
def test_missing_input_is_a_row_like_the_others(digest: Digest, command: str) -> None:
    result = digest("inspect", command, "甲.xml", "乙.xml")
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == 1
    assert [row["source"] for row in rows] == ["甲.xml", "乙.xml"]
    assert all(row["problems"] == ["the file cannot be read (No such file or directory)"] for row in rows)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/feed", "http://[::1", "https://", "http://localhost/"])
def test_private_or_broken_address_to_inspect_is_refused(digest: Digest, url: str) -> None:
    result = digest("inspect", "feed", url)
    assert result.code == 1
    assert json.loads(result.out)["problems"] in (["private address"], ["bad address"])


@pytest.mark.parametrize("arguments", [("tag", "empty"), ("group", "empty")], ids=" ".join)
def test_empty_input_gives_no_rows_and_is_no_failure(digest: Digest, folder: Path, arguments: Sequence[str]) -> None:
    (folder / "empty").write_text("\n\n")
    assert digest("inspect", *arguments) == Result(0, "", "")


# --- the ledger ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql+nodriver://me:s3cret@127.0.0.1:1/digest", "there is no driver for 'postgresql+nodriver' here"),
        ("nonsense://me:s3cret@127.0.0.1/digest", "there is no driver for 'nonsense' here"),
        ("://me:s3cret@", "the address is not understood"),
        ("feeds.yaml", "this is not a usable database; restore a copy, or name another with --db"),
        (".", "the database cannot be used"),
        ("feeds.yaml/digest.db", "its folder cannot be made"),
    ],
)
def test_ledger_that_cannot_be_opened_is_told(digest: Digest, url: str, told: str) -> None:
    for command in ("status", "export", "update"):
        result = digest(command, "--db", url)
        assert result.code == 1
        assert told in result.err or (command != "update" and "there is no ledger there yet" in result.err)
        assert "s3cret" not in result.told


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("export",), ("actions",), ("preview", "morning"), ("send", "morning", "--dry-run")],
    ids=" ".join,
)
def test_command_that_only_reads_makes_no_ledger(
    digest: Digest, folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str]
) -> None:
    told = "typo.db: there is no ledger there yet; run `digest update` first, or name another with --db\n"
    named = digest(*arguments, "--db", "typo.db")
    monkeypatch.setenv("DIGEST_DATABASE", str(folder / "none" / "typo.db"))
    for result in (named, digest(*arguments)):
        assert (result.code, result.out) == (1, "")
        assert result.err.endswith(told)
    assert sorted(path.name for path in folder.iterdir()) == ["digest.db", "feeds.yaml"]


def test_actions_are_listed_as_csv_and_wrong_names_told(digest: Digest, folder: Path) -> None:
    with_article(folder)
    assert digest("actions").out.startswith("day,reported,agency,")
    assert "one of: summon, warn" in digest("actions", "--type", "nonsense").err
    assert "'Nobody' is nobody that the registry knows" in digest("actions", "--agency", "Nobody").err
    assert digest("actions", "--company", "Tencent", "--format", "jsonl", "--since", "2026-03-01").code == 0


def test_ctrl_c_while_the_libraries_load_shows_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pressed() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", pressed)
    with pytest.raises(SystemExit, match="130"):
        started.main()
    assert capsys.readouterr().err == "digest: stopped\n"


def test_export_writes_tables_and_says_where(digest: Digest, folder: Path) -> None:
    with_article(folder)
    result = digest("export", "--out", "表", "--format", "jsonl", "--since", "2026-03-18", "--until", "9999-12-31")
    assert result.code == 0
    assert result.out.splitlines()[0] == "表/articles.jsonl: 1 rows"
    assert json.loads((folder / "表" / "articles.jsonl").read_text(encoding="utf-8"))["title"] == "网信办约谈腾讯"
    assert len((folder / "表" / "manifest.json").read_text(encoding="utf-8")) > 0


def test_export_to_a_place_that_is_taken_is_told(digest: Digest) -> None:
    result = digest("export", "--out", "feeds.yaml")
    assert result.code == 1
    assert result.err.startswith("digest: feeds.yaml: the tables cannot be written (File exists); name another folder")


def with_article(folder: Path) -> None:
    database = ledger(folder)
    store = Store(database)
    store.sync_sources([JINGHAI], NOW)
    put(store, JINGHAI, "网信办约谈腾讯")
    database.close()


def test_article_is_told_with_its_versions_by_number_or_address(digest: Digest, folder: Path) -> None:
    database = ledger(folder)
    number = put(Store(database), JINGHAI, "网信办约谈腾讯", url="https://jinghai.example/1", text="正文。")
    newer = Article("https://jinghai.example/1", "网信办约谈十一家企业", "正文。更正。", "zh-Hans")
    changes = (Change("title", "网信办约谈腾讯", "网信办约谈十一家企业"), Change("text", "", "更正。"))
    Store(database).save_articles([(number, replace(newer, changes=changes))], 1, NOW)
    database.close()
    results = [digest("article", which) for which in (str(number), "https://jinghai.example/1")]
    assert {result.code for result in results} == {0}
    row, same = (json.loads(result.out) for result in results)
    assert row == same
    assert (row["id"], row["title"], row["text"]) == (number, "网信办约谈十一家企业", "正文。更正。")
    (version,) = row["versions"]
    assert (version["title"], version["text"]) == ("网信办约谈腾讯", "正文。")
    assert version["replaced"] == "2026-03-18T06:30:00Z"
    assert version["changes"][1] == {"where": "text", "before": "", "after": "更正。"}


def test_article_that_is_not_there_is_told(digest: Digest, folder: Path) -> None:
    ledger(folder).close()
    result = digest("article", "99999999999999999999999")
    assert (result.code, result.out) == (1, "")
    assert "the ledger holds no such article" in result.err


# --- a day's work ----------------------------------------------------------------------------------------------------


def test_update_tells_each_stage_and_a_feed_that_is_away_is_no_failure_of_ours(digest: Digest) -> None:
    result = digest("update")
    assert result.code == 0
    lines = [line.split() for line in result.out.splitlines()]
    assert [line[0] for line in lines] == ["feeds", "pages", "extract", "tag", "describe", "group"]
    assert "0 done      1 failed (1 x connection refused)" in result.out
    assert "京海日报  never" in digest("status").out


def test_issue_is_sent_once(digest: Digest, folder: Path) -> None:
    first, again = digest("send", "morning", "--date", "2026-03-18"), digest("send", "morning", "--date", "2026-03-18")
    assert (first.code, again.code) == (0, 0)
    assert first.out.startswith("issue of 2026-03-18: ")
    assert first.out.endswith("mail: 2 sent\n")
    assert again.out == "morning has its issue of 2026-03-18 already\nmail: nothing was waiting\n"
    assert len(list((folder / "mail").glob("*.eml"))) == 2
    assert "mail: 2 sent" in digest("status").out


def test_dry_run_and_preview_save_nothing(digest: Digest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    assert digest("send", "morning", "--dry-run").out.startswith("2 mails written to dry-run: ")
    assert len(list((folder / "dry-run").glob("*.eml"))) == 2
    preview = Path(digest("preview", "morning").out.strip())
    assert shown == [preview.as_uri()]
    assert "<html" in preview.read_text(encoding="utf-8")
    database = ledger(folder)
    assert IssueStore(database).issue("morning") is None
    database.close()
    assert not (folder / "mail").exists()


def test_mail_that_cannot_leave_waits_and_the_exit_code_says_so(
    digest: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_SMTP_URL", SECRET)
    result = digest("send", "morning")
    assert result.code == 1
    assert result.out.endswith("mail: 1 deferred\n")  # a server that is away is not asked again for the second
    assert "mail: 1 deferred, 1 new" in digest("status").out


def test_import_brings_files_into_their_stories(digest: Digest, folder: Path) -> None:
    (folder / "posts").mkdir()
    (folder / "posts" / "一.md").write_text(POST, encoding="utf-8")
    (folder / "posts" / "broken.jsonl").write_text("{", encoding="utf-8")
    result = digest("import", "posts", "none.md")
    assert result.code == 1
    assert "none.md: the file cannot be read (No such file or directory)" in result.err
    assert "posts/broken.jsonl: " in result.err
    assert result.out == "1 articles imported, 2 files failed\n"
    assert "1 articles in 1 stories" in digest("status").out
    digest("export", "--format", "jsonl")
    (row,) = (json.loads(line) for line in (folder / "export" / "articles.jsonl").read_text("utf-8").splitlines())
    assert (row["title"], row["via"], row["language"]) == ("网信办约谈腾讯", "import", "zh-Hans")
    assert (folder / "export" / "mentions.jsonl").read_text("utf-8").count("company:tencent") >= 1


@pytest.mark.parametrize(
    "url", [SECRET, "smt://me:s3cret@mail.example", "smtp://me:s3cret@mail.example:25", "smtp://me:s3cret@[::1"]
)
def test_password_is_nowhere(
    digest: Digest, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    monkeypatch.setenv("DIGEST_SMTP_URL", url)
    monkeypatch.setattr("socket.getaddrinfo", _resolver_of_our_own)
    told = [digest("doctor", "--no-feeds"), digest("send", "morning"), digest("status"), digest("check")]
    assert [result.code for result in told] == [1, 1, 0, 0]
    assert "FAILED mail: " in told[0].out
    assert not [result.told for result in told if "s3cret" in result.told]
    assert "s3cret" not in caplog.text
    assert not [path for path in folder.rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]


def _resolver_of_our_own(host: str, *rest: object, **more: object) -> list[object]:
    if host != "127.0.0.1":
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))]


# --- being stopped ---------------------------------------------------------------------------------------------------


@contextmanager
def server_that_says_nothing(folder: Path) -> Iterator[threading.Event]:
    """Takes the place of the feed; the event tells that somebody has connected."""
    asked = threading.Event()
    held: list[socket.socket] = []

    def accept() -> None:
        try:
            while True:
                held.append(server.accept()[0])
                asked.set()
        except OSError:
            return

    with socket.create_server(("127.0.0.1", 0)) as server:
        config = CONFIG.replace("127.0.0.1:1/", f"127.0.0.1:{server.getsockname()[1]}/")
        (folder / "feeds.yaml").write_text(config, encoding="utf-8")
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield asked
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in held:
                connection.close()


def interrupt_when(asked: threading.Event, sign: signal.Signals) -> threading.Thread:
    def wait_and_kill() -> None:
        if asked.wait(30):
            os.kill(os.getpid(), sign)

    thread = threading.Thread(target=wait_and_kill)
    thread.start()
    return thread


def test_ctrl_c_ends_an_update_with_130_and_a_plain_line(folder: Path) -> None:
    with server_that_says_nothing(folder) as asked:
        process = start("update")
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, b"")
    stopped = "digest: stopped; what was finished is kept, and the next run goes on from there"
    assert err.decode().splitlines() == ["feeds ...", stopped]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_service_says_what_it_is_about_and_ends_cleanly_when_told_to(
    digest: Digest, folder: Path, caplog: pytest.LogCaptureFixture, sign: signal.Signals
) -> None:
    with server_that_says_nothing(folder) as asked, caplog.at_level(logging.INFO, "digest"):
        killer = interrupt_when(asked, sign)
        assert digest("run") == Result(0, "", "feeds ...\n")
        killer.join()
    started, stopped = (record.message for record in caplog.records if record.name == "digest.cli")
    assert started.startswith(f"started: 1 sources, 1 editions, ledger {folder}/digest.db, next issue 20")
    assert stopped == "stopped"


@pytest.mark.parametrize("command", ["run", "update"])
def test_second_program_on_one_ledger_is_told_of_the_first(digest: Digest, folder: Path, command: str) -> None:
    database = ledger(folder)
    with database.lock():
        result = digest(command)
    database.close()
    assert (result.code, result.out) == (1, "")
    assert "another Digest is already at work on this ledger; stop it (or `digest run`)" in result.err


# --- in a process of its own -----------------------------------------------------------------------------------------


def start(*arguments: str, **variables: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "digest", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
    )


def test_garbage_among_the_lines_costs_its_own_row_only() -> None:
    lines = [
        {"id": 1, "text": "国家网信办约谈腾讯。", "lang": "zh-Hans"},
        {"id": "\ud800", "text": "\ud800 Tencent \x00 was fined."},
    ]
    texts = json.dumps(lines[0]).encode() + b"\n\xff\xfe garbage\n[]\n" + json.dumps(lines[1]).encode()
    # Whatever the user's locale can write: the rows are UTF-8.
    out, err = start("inspect", "tag", "-", PYTHONIOENCODING="ascii").communicate(texts, timeout=100)
    good, garbage, array, odd = (json.loads(line) for line in out.decode("utf-8").splitlines())
    assert {one["entity"] for one in good["mentions"]} == {"agency:cn-cac", "company:tencent"}
    assert "腾讯".encode() in out
    assert (garbage["id"], array["id"]) == ("line 2", "line 3")
    assert garbage["problems"] == array["problems"] == ['a line must be {"id", "text", "lang"?}']
    assert odd["id"] == "\ud800"
    assert err == b""


def test_reader_that_leaves_is_no_accident(folder: Path) -> None:
    """As in `digest inspect tag many.jsonl | head -n 1`."""
    (folder / "many.jsonl").write_text("garbage\n" * 20_000)
    process = start("inspect", "tag", "many.jsonl")
    assert process.stdout
    assert process.stderr
    first = process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 1
    assert json.loads(first)["id"] == "line 1"
    process.stderr.close()
    assert process.stdin
    process.stdin.close()


# --- what the documentation says -------------------------------------------------------------------------------------


def test_every_command_and_option_is_documented() -> None:
    told = "".join((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("commands", "export"))
    group = typer.main.get_command(cli.app)
    commands = group.commands  # type: ignore[attr-defined]
    for name, command in {**commands, **commands["inspect"].commands}.items():
        assert f"`digest {name}" in told or f"`digest inspect {name}" in told or name == "inspect"
        for parameter in command.params:
            options = [one for one in (*parameter.opts, *parameter.secondary_opts) if one.startswith("--")]
            assert not options or options == ["--help"] or any(one in told for one in options), f"{name} {options}"


# --- who asks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("contact", "warned"), [("", 1), ("desk@example.org", 0)])
def test_missing_contact_is_told(folder: Path, caplog: pytest.LogCaptureFixture, contact: str, warned: int) -> None:
    path = folder / "feeds.yaml"
    path.write_text(path.read_text("utf-8").replace("contact: desk@example.org", f'contact: "{contact}"'), "utf-8")
    cli.fetcher(configuration.load(path))
    assert [message.split(":")[0] for message in caplog.messages] == ["no contact in feeds.yaml"] * warned
