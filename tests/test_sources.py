"""`digest sources` as a user meets it: what is added, what is not and why, and files that are always whole."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.conftest import CONFIG, Digest
from tests.edges.scripted_server import Server, reply
from tests.test_discovery import SITES, feed_link, page, rss

CONFIG_ = "# who we read\n" + CONFIG.replace("editions:", "\n# who gets what\neditions:")
OPML = """<?xml version="1.0" encoding="UTF-8"?><opml version="2.0"><body>
<outline text="財經"><outline text="聯灣時報" type="rss" xmlUrl="https://l.example/feed" language="zh-TW"/></outline>
<outline text="聯灣時報" type="rss" xmlUrl="http://l.example:80/feed/"/>
<outline text="京海日报" type="rss" xmlUrl="https://other.example/feed"/>
<outline text="Again" type="rss" xmlUrl="http://127.0.0.1:1/feed"/>
<outline text="Mine" type="rss" xmlUrl="http://127.0.0.2/feed"/>
<outline text="Theirs" type="rss" xmlUrl="http://10.0.0.1/feed"/>
<outline text="Odd" type="rss" xmlUrl="http://2130706433/feed"/>
<outline text="Odder" type="rss" xmlUrl="http://192.168.257/feed"/>
<outline text="File" type="rss" xmlUrl="file:///etc/passwd"/>
<outline text="Ftp" type="rss" xmlUrl="ftp://f.example/feed"/>
<outline text="Secret" type="rss" xmlUrl="https://me:s3cret@p.example/feed"/>
<outline text="Site" type="link" url="https://s.example/"/>
<outline type="rss" xmlUrl="https://新闻.example/订阅"/>
<outline text="LONG" type="rss" xmlUrl="https://HOST.example/1"/><outline text="LONG" type="rss" xmlUrl="https://HOST.example/2"/>
<outline text="LONG" type="rss" xmlUrl="https://HOST.example/3"/>
</body></opml>""".replace("LONG", "長" * 300).replace("HOST", "h" * 60 + "." + "i" * 60)


@pytest.fixture
def config(folder: Path) -> Path:
    path = folder / "feeds.yaml"
    path.write_text(CONFIG_, encoding="utf-8")
    return path


def test_import_adds_tells_and_refuses(digest: Digest, folder: Path, config: Path) -> None:
    (folder / "list.opml").write_text(OPML, encoding="utf-8")
    result = digest("sources", "import", "list.opml")
    assert result.code == 1
    told = [" ".join(line.split()) for line in result.out.splitlines()]
    assert [line for line in told if "長" not in line] == [
        "added 聯灣時報 https://l.example/feed",
        "duplicate 聯灣時報 http://l.example:80/feed/: as 聯灣時報",
        "added 京海日报 (other.example) https://other.example/feed",
        "duplicate Again http://127.0.0.1:1/feed: as 京海日报",
        "added Mine http://127.0.0.2/feed",
        "refused Theirs http://10.0.0.1/feed: private address; allow it with fetch.allow_hosts",
        "added Odd http://2130706433/feed",
        "refused Odder http://192.168.257/feed: private address; allow it with fetch.allow_hosts",
        "refused File file:///etc/passwd: only http and https addresses are read",
        "refused Ftp ftp://f.example/feed: only http and https addresses are read",
        "refused Secret (address not shown): it holds a user name or a password",
        "refused Site https://s.example/: it names no feed; `digest sources find` may find one",
        "added 新闻.example https://新闻.example/订阅",
        "8 added, 2 duplicate, 6 refused",
    ]
    assert "s3cret" not in result.told
    text = config.read_text("utf-8")
    head, tail = CONFIG_.split("\n# who gets what")
    assert text.startswith(head)
    assert text.endswith("\n# who gets what" + tail)
    assert yaml.safe_load(text)["sources"][1] == {
        "name": "聯灣時報",
        "feed": "https://l.example/feed",
        "language": "zh-Hant",
        "tags": ["財經"],
    }
    assert digest("check").out == "feeds.yaml: good: 9 sources in 1 languages, 1 editions\n"

    again = digest("sources", "import", "list.opml")
    assert again.out.splitlines()[-1] == "0 added, 10 duplicate, 6 refused"
    assert config.read_text("utf-8") == text
    assert sorted(path.name for path in folder.iterdir()) == ["digest.db", "feeds.yaml", "list.opml"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/passwd">]><opml><body/></opml>', "it declares entities"),
        (b"\x00\xff" * 1_000, "this is not OPML"),
    ],
    ids=["XXE", "bytes"],
)
def test_file_that_is_no_list_changes_nothing(
    digest: Digest, folder: Path, config: Path, body: bytes, told: str
) -> None:
    (folder / "list.opml").write_bytes(body)
    result = digest("sources", "import", "list.opml")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"digest: list.opml: {told}")
    assert config.read_text("utf-8") == CONFIG_


def test_file_that_is_missing_or_huge_is_told(digest: Digest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = "digest: none.opml: the file cannot be read (No such file or directory); name an OPML file\n"
    assert digest("sources", "import", "none.opml").err == told
    monkeypatch.setattr("digest.sources.MAX_BYTES", 10)
    (folder / "list.opml").write_text(OPML, encoding="utf-8")
    assert (
        digest("sources", "import", "list.opml").err == "digest: list.opml: the file is larger than 20 MB; split it\n"
    )


def test_sources_that_would_break_the_configuration_are_not_added(
    digest: Digest, folder: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "list.opml").write_text(OPML, encoding="utf-8")
    monkeypatch.setattr("digest.config.MAX_BYTES", len(CONFIG_.encode()) + 100)
    result = digest("sources", "import", "list.opml")
    assert (result.code, result.out) == (1, "")
    assert (
        "feeds.yaml: with these sources it would be wrong (the file is larger than 2 MB); nothing was changed"
        in result.err
    )
    assert config.read_text("utf-8") == CONFIG_


def test_endless_list_is_added_in_part_and_told_by_numbers(digest: Digest, folder: Path, config: Path) -> None:
    lines = "".join(f'<outline text="新闻 {n}" xmlUrl="https://h{n}.example/feed"/>' for n in range(6_000))
    (folder / "list.opml").write_text(f'<opml version="2.0"><body>{lines}</body></opml>', encoding="utf-8")
    result = digest("sources", "import", "list.opml")
    assert result.code == 1
    assert result.out.splitlines()[-3:] == [
        "added      and 4800 more",
        "refused    1000 lines beyond the first 5000; split the file",
        "5000 added, 0 duplicate, 1000 refused",
    ]
    assert config.read_text("utf-8").count("\n    feed: ") == 5_001


def test_export_is_read_back_as_nothing_new(digest: Digest, folder: Path, config: Path) -> None:
    shown = digest("sources", "export")
    assert shown.code == 0
    assert 'xmlUrl="http://127.0.0.1:1/feed" language="zh-Hans"' in shown.out
    assert digest("sources", "export", "list.opml").out == "list.opml: 1 sources\n"
    assert "京海日报" in (folder / "list.opml").read_text("utf-8")
    assert digest("sources", "import", "list.opml").out.splitlines()[-1] == "0 added, 1 duplicate, 0 refused"


def test_export_does_not_overwrite_the_configuration(digest: Digest, config: Path) -> None:
    result = digest("sources", "export", "./feeds.yaml")
    assert (result.code, result.out) == (1, "")
    assert "this is the configuration itself; name another file" in result.err
    assert config.read_text("utf-8") == CONFIG_


# --- finding ---------------------------------------------------------------------------------------------------------


@contextmanager
def serving(site: Mapping[str, bytes]) -> Iterator[str]:
    """The address of a server that runs beside the command."""
    started, stop = threading.Event(), threading.Event()
    address = []

    async def serve() -> None:
        async with Server({path: reply(body=body) for path, body in site.items()}) as server:
            address.append(server.url())
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    started.wait()
    try:
        yield address[0]
    finally:
        stop.set()
        thread.join()


def test_what_is_found_is_shown_as_lines_for_feeds_yaml(digest: Digest, config: Path) -> None:
    name, _, headlines = SITES["ja"]
    head = feed_link("/rss", name) + feed_link("/politik.xml", name) + feed_link("/comments/feed", name)
    site = {"/": page(head), "/rss": rss(name, headlines), "/politik.xml": rss(name, headlines[:1])}
    site["/comments/feed"] = rss("K", headlines[1:])
    config.write_text(CONFIG_ + "  delay: 0.01s\n", encoding="utf-8")
    with serving(site) as address:
        result = digest("sources", "find", address)
        config.write_text(CONFIG_.replace("http://127.0.0.1:1/feed", f"{address}rss") + "  delay: 0.01s\n", "utf-8")
        known = digest("sources", "find", address)
    assert result.code == 0
    assert [line for line in result.out.splitlines() if "#" in line] == [
        "  # RSS, ja, 2 entries, the newest of 2026-03-18 (named by the page)",
        "  # RSS, ja, 1 entries, the newest of 2026-03-17 (named by the page)",
        "  # RSS of readers' comments, ja, 1 entries, the newest of 2026-03-17 (named by the page)",
    ]
    pasted = yaml.safe_load("sources:\n" + result.out)["sources"]
    assert pasted == [
        {"name": "常盤新聞", "feed": f"{address}rss", "language": "ja"},
        {"name": "常盤新聞 (127.0.0.1)", "feed": f"{address}politik.xml", "language": "ja"},
        {"name": "K", "feed": f"{address}comments/feed", "language": "ja"},
    ]
    assert f"# in feeds.yaml already, as 京海日报: {address}rss" in known.out


def test_site_without_feeds_is_told_with_what_to_do(digest: Digest, config: Path) -> None:
    config.unlink()  # none is needed to look around
    result = digest("sources", "find", "127.0.0.1:1")
    assert (result.code, result.out) == (1, "")
    assert "https://127.0.0.1:1: private address; " in result.err


def test_password_in_an_address_is_not_repeated(digest: Digest, config: Path) -> None:
    result = digest("sources", "find", "https://me:s3cret@x.example/")
    assert result.code == 1
    assert "s3cret" not in result.told
