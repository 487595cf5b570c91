"""A mistake in feeds.yaml is told with its line, what is wrong, and what to write instead."""

from datetime import timedelta
from pathlib import Path

import pytest

from digest.config import Environment, load, problems, user_agent
from digest.errors import ConfigError

GOOD = """\
sources:
  - name: 京海日报
    feed: https://jinghai.example/feed
    language: zh-Hans
    country: CN
    every: 30m
  - {name: E24, feed: "https://e24.example/rss", language: nb, country: NO}
watchlists:
  - name: Platforms
    entities: [company:tencent]
editions:
  - name: morning
    title: Morning briefing
    at: 06:30
    zone: Europe/Berlin
    watchlists: [Platforms]
    recipients: ["Desk <desk@example.org>"]
    weekdays: [mon, fri]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "feeds.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_good_file_becomes_records(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD))
    source, norway = config.sources
    assert (source.name, source.language, source.every) == ("京海日报", "zh-Hans", timedelta(minutes=30))
    assert norway.country == "NO"  # which YAML reads as "no"
    edition = config.edition("morning")
    assert (edition.at, edition.weekdays) == ("06:30", (0, 4))  # which YAML reads as 390


def test_the_file_that_comes_with_digest_is_good() -> None:
    config = load(Path(__file__).parent.parent / "feeds.yaml")
    languages = {(source.language or "").split("-")[0] for source in config.sources}
    assert len(config.sources) >= 80
    assert len(languages) >= 20
    assert sum(source.kind == "regulator" for source in config.sources) >= 15


@pytest.mark.parametrize(
    ("find", "write_instead", "line", "told"),
    [
        (
            "feed: https://jinghai.example/feed",
            "fed: https://jinghai.example/feed",
            3,
            "'fed' is not a key .*write 'feed'",
        ),
        ("    feed: https://jinghai.example/feed\n", "", 2, "no 'feed' is given; add e.g. 'feed: https"),
        ("https://jinghai.example/feed", "jinghai.example/feed", 3, "not a web address; write e.g. https"),
        ("https://jinghai.example/feed", "file:///etc/passwd", 3, "not a web address"),
        ("https://jinghai.example/feed", "https://me:secret@jinghai.example", 3, "must not hold a password"),
        ("https://jinghai.example/feed", "https://a\\\\@jinghai.example", 3, "not a web address"),
        ("https://jinghai.example/feed", '"https://jinghai.example/\\r\\nX: y"', 3, "not a web address"),
        ("https://jinghai.example/feed", '"https://jing\\thai.example/"', 3, "not a web address"),
        ("zh-Hans", "klingon", 4, "'klingon' is not a language that Digest knows; write one of"),
        ("country: CN", "country: China", 5, "'China' is not a country code; write two capital letters"),
        ("every: 30m", "every: often", 6, "'often' is not a length of time; write e.g. 30m"),
        ("at: 06:30", "at: half past six", 14, 'not a time of day; write e.g. "06:30"'),
        ("Europe/Berlin", "Berlin/Europe", 15, "not a time zone; write e.g. Europe/Berlin"),
        ("[Platforms]", "[Platform]", 16, "no watchlist is named 'Platform'; the watchlists are: Platforms"),
        ("desk@example.org", "desk", 17, "not a mail address; write e.g. desk@example.org"),
        ("[mon, fri]", "[mon, funday]", 18, "'funday' is not a weekday; write mon, tue"),
        ("name: E24", "name: 京海日报", 7, "the name '京海日报' stands twice; see line 2"),
        ("    country: CN\n", "    country: CN\n    country: TW\n", 6, "'country' stands here twice; keep one"),
        ("sources:\n", "sources: [\n", 2, "this is not YAML"),
        (
            "sources:\n",
            "sources: !!python/object/apply:os.system [ls]\nx:\n",
            1,
            "this is not YAML|wrong shape|not a key",
        ),
    ],
)
def test_mistake_is_told_with_line_and_remedy(
    tmp_path: Path, find: str, write_instead: str, line: int, told: str
) -> None:
    assert find in GOOD
    found = problems(write(tmp_path, GOOD.replace(find, write_instead, 1)))
    assert found, "the mistake was not seen"
    assert f"feeds.yaml, line {line}" in str(found[0])
    with pytest.raises(ConfigError, match=told):
        load(tmp_path / "feeds.yaml")


def test_every_mistake_is_told_in_the_order_of_lines(tmp_path: Path) -> None:
    text = GOOD.replace("CN", "China").replace("Europe/Berlin", "Mars").replace("30m", "often")
    found = problems(write(tmp_path, text))
    assert [str(error).split(",")[1] for error in found] == [" line 5", " line 6", " line 15"]
    with pytest.raises(ConfigError, match="and 2 more"):
        load(tmp_path / "feeds.yaml")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"\xff\xfe", "not UTF-8"),
        (
            b"a: &a [x, x]\nb: &b [*a, *a]\n"
            + b"".join(
                f"{chr(98 + n)}{n}: &c{n} [{', '.join([f'*c{n - 1}' if n else '*b'] * 9)}]\n".encode() for n in range(9)
            ),
            "unfolds to too much",
        ),
        (b"a: &a [*a]", "refers to itself"),
        (b"[" * 5000, "not YAML|nested too deeply"),
        (b"- just a list", "wrong shape"),
        (b"x" * 2_000_001, "larger than 2 MB"),
    ],
    ids=["empty", "not utf-8", "alias bomb", "loop", "nesting", "list", "large"],
)
def test_hostile_file_is_refused_in_plain_words(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=told):
        load(path)


def test_missing_file_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read .*; name another with --config"):
        load(tmp_path / "none.yaml")


def test_unknown_edition_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no edition is named 'evening'; the editions are: morning"):
        load(write(tmp_path, GOOD)).edition("evening")


def test_secrets_come_from_the_environment_only() -> None:
    assert Environment.read({"DIGEST_SMTP_URL": "smtp://localhost"}).smtp_url == "smtp://localhost"
    assert Environment.read({}).smtp_url is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("contact: me", "'me' is no address; write e.g. desk@example.org"),
        ('contact: "desk@example.org\\r\\nX-Evil: 1"', "is no address"),
        ("websub: news.example.org", "not a web address"),
        ("websub_listen: 8085", "websub_listen is 8085, which YAML does not read as text|put it in quotes"),
        ('websub_listen: "8085"', "is no host with a port; write e.g. 127.0.0.1:8085"),
        ('websub_listen: "localhost:99999"', "is no host with a port"),
    ],
)
def test_mistake_in_how_to_fetch_is_told(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load(write(tmp_path, f"sources: [{{name: a, feed: 'https://a.example/'}}]\nfetch:\n  {line}\n"))


def test_how_to_fetch_is_read(tmp_path: Path) -> None:
    lines = [
        "contact: 編集部 <desk@example.org>",
        "websub: https://news.example.org/hubs",
        'websub_listen: "[::1]:9000"',
    ]
    text = "sources: [{name: a, feed: 'https://a.example/'}]\nfetch:\n" + "".join(f"  {line}\n" for line in lines)
    fetch = load(write(tmp_path, text)).fetch
    assert (fetch.contact, fetch.websub, fetch.websub_listen) == (
        "編集部 <desk@example.org>",
        "https://news.example.org/hubs",
        "[::1]:9000",
    )
    assert "desk@example.org" in user_agent(fetch.contact)
