"""`digest entities sync`: an endpoint and a dump in Wikidata's JSON fill names and ids; what is not sure stays out."""

import asyncio
import bz2
import gzip
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from digest.edges.own import OwnEntities
from digest.entities.catalogue import catalogue
from digest.entities.link import resolve
from digest.research import wikidata
from tests.conftest import Digest
from tests.edges.scripted_server import Script, Server, reply

# The form is Wikidata's; numbers and ids are made up, but for their check digits.
TENCENT = {
    "id": "Q900001",
    "labels": {"en": "Tencent", "zh-hans": "腾讯", "de": "Tencent", "sv": "Tengxun", "xx": "Nothing"},
    "aliases": {"en": ["Tencent Holdings", "Penguin Works"], "zh-hans": ["鹅厂控股", "腾讯（公司）"]},
    "claims": {"P1278": "529900T8BM49AURSDO55", "P946": "KYG875721634"},
}
FILM = {"id": "Q900002", "labels": {"en": "Tencent"}, "aliases": {"en": ["Tencent, the film"]}, "claims": {}}
CAC = {
    "id": "Q900003",
    "labels": {
        "en": "Cyberspace Administration of China",
        "zh-hans": "国家互联网信息办公室",
        "sv": "Kinas cybermyndighet",
    },
    "aliases": {},
    "claims": {"P1278": "529900T8BM49AURSDO56", "P946": "not an ISIN"},
}
ITEMS: tuple[dict[str, Any], ...] = (TENCENT, FILM, CAC)
DAY = date(2026, 11, 25)


def binding(item: Mapping[str, Any], **cells: Mapping[str, str]) -> dict[str, Any]:
    return {"item": {"type": "uri", "value": f"http://www.wikidata.org/entity/{item['id']}"}, **cells}


def literal(value: str, language: str = "") -> dict[str, str]:
    return {"type": "literal", "value": value} | ({"xml:lang": language} if language else {})


def rows(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for language, label in item["labels"].items():
        yield binding(item, key=literal("label"), value=literal(label, language))
    for language, aliases in item["aliases"].items():
        for alias in aliases:
            yield binding(item, key=literal("alias"), value=literal(alias, language))
    for number, value in item["claims"].items():
        yield binding(item, key=literal({"P1278": "lei", "P946": "isin"}[number]), value=literal(value))


class Endpoint(dict[str, Script]):
    """Answers the two questions that the program asks, from the items above."""

    def get(self, path: str, _default: Script | None = None) -> Script:  # type: ignore[override]
        query = parse_qs(urlsplit(path).query)["query"][0]
        if "VALUES ?name" in query:
            found = [binding(item) for item in ITEMS if f'"{item["labels"]["en"]}"@en' in query]
        else:
            found = [row for item in ITEMS if f"wd:{item['id']} " in query for row in rows(item)]
        body = json.dumps({"head": {"vars": ["item"]}, "results": {"bindings": found}}).encode()
        return reply(body=body, Content_Type="application/sparql-results+json")


@contextmanager
def serving(scripts: Mapping[str, Script]) -> Iterator[Server]:
    """The server in a thread of its own, since the command runs its own event loop."""
    server, ready, over = Server(scripts), threading.Event(), threading.Event()

    async def serve() -> None:
        async with server:
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        yield server
    finally:
        over.set()
        thread.join()


@pytest.fixture
def quick(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Only two entities are asked for: a host is asked once a second, and all of them are some hundred questions."""
    names = ["Tencent", "Cyberspace Administration of China"]
    monkeypatch.setattr(wikidata, "shown_names", lambda _known: names)
    return folder


def synced(folder: Path) -> dict[str, dict[str, Any]]:
    lines = (folder / "entities" / "wikidata.jsonl").read_text("utf-8").splitlines()
    return {row["id"]: row for row in map(json.loads, lines)}


def test_endpoint_fills_names_and_ids(digest: Digest, quick: Path) -> None:
    with serving(Endpoint()) as server:
        result = digest("entities", "sync", "--endpoint", server.url("/sparql"))
    assert result.code == 0, result.err
    assert "2 of " in result.out
    found = synced(quick)
    assert found["company:tencent"]["names"]["sv"] == ["Tengxun"]
    assert "Penguin Works" in found["company:tencent"]["names"]["en"]
    assert found["company:tencent"]["ids"] == {
        "wikidata": "Q900001",
        "lei": "529900T8BM49AURSDO55",
        "isin": "KYG875721634",
    }
    assert found["agency:cn-cac"]["ids"] == {"wikidata": "Q900003"}  # wrong check digits stay out
    assert {hit.headers["accept"] for hit in server.hits} == {"application/sparql-results+json"}


def test_synced_names_are_linked_and_shown(digest: Digest, quick: Path) -> None:
    with serving(Endpoint()) as server:
        digest("entities", "sync", "--endpoint", server.url("/sparql"))
    own = OwnEntities(quick / "entities", ()).read()
    assert resolve("Kinas cybermyndighet", own) == "agency:cn-cac"
    assert resolve("腾讯", own) == "company:tencent"
    assert "Q900001" in digest("entities", "show", "company:tencent").out
    assert catalogue(own)["company:tencent"].name == "Tencent"


def test_what_a_person_wrote_wins_over_a_sync(digest: Digest, quick: Path) -> None:
    digest("entities", "add", '{"id": "company:tencent", "names": {"sv": ["Pingvinhuset"]}}')
    with serving(Endpoint()) as server:
        digest("entities", "sync", "--endpoint", server.url("/sparql"))
    names = catalogue(OwnEntities(quick / "entities", ()).read())["company:tencent"].names
    assert names["sv"][0] == "Pingvinhuset"
    assert "Tengxun" in names["sv"]


def test_dry_run_writes_nothing(digest: Digest, quick: Path) -> None:
    with serving(Endpoint()) as server:
        result = digest("entities", "sync", "--endpoint", server.url("/sparql"), "--dry-run")
    assert "nothing was written" in result.out
    assert not (quick / "entities" / "wikidata.jsonl").exists()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (reply("500 Internal Server Error"), "does not answer"),
        (reply(body=b"<html>hello</html>"), "no SPARQL result"),
        (reply(body=b'{"results": 3}'), "no SPARQL result"),
    ],
)
def test_endpoint_that_is_none_is_told(digest: Digest, quick: Path, answer: bytes, told: str) -> None:
    class Always(dict[str, Script]):
        def get(self, _path: str, _default: Script | None = None) -> Script:  # type: ignore[override]
            return answer

    with serving(Always()) as server:
        result = digest("entities", "sync", "--endpoint", server.url("/sparql"))
    assert result.code == 1
    assert told in result.err
    assert not (quick / "entities").exists()


# --- a dump ----------------------------------------------------------------------------------------------------------


def dumped(item: Mapping[str, Any]) -> str:
    return json.dumps(
        {
            "type": "item",
            "id": item["id"],
            "labels": {code: {"language": code, "value": value} for code, value in item["labels"].items()},
            "aliases": {
                code: [{"language": code, "value": value} for value in values]
                for code, values in item["aliases"].items()
            },
            "claims": {
                number: [{"rank": "normal", "mainsnak": {"datavalue": {"type": "string", "value": value}}}]
                for number, value in item["claims"].items()
            },
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


@pytest.mark.parametrize("ending", ["json", "json.gz", "json.bz2"])
def test_dump_says_the_same(digest: Digest, folder: Path, ending: str) -> None:
    lines = [
        "[",
        *(f"{dumped(item)}," for item in ITEMS),
        '{"id":"Q9","labels":{"en":{"language":"en","value":"Ten',
        "]",
    ]
    body = "\n".join(lines).encode()
    packed = {"json": body, "json.gz": gzip.compress(body), "json.bz2": bz2.compress(body)}[ending]
    (folder / f"dump.{ending}").write_bytes(packed)
    result = digest("entities", "sync", "--dump", folder / f"dump.{ending}")
    assert result.code == 0, result.err
    assert synced(folder)["company:tencent"]["ids"]["wikidata"] == "Q900001"
    assert synced(folder)["agency:cn-cac"]["names"]["sv"] == ["Kinas cybermyndighet"]


def test_broken_or_missing_dump_is_told(digest: Digest, folder: Path) -> None:
    (folder / "cut.json.gz").write_bytes(gzip.compress(b"[\n" * 1000)[:30])
    for path in ("cut.json.gz", "none.json"):
        result = digest("entities", "sync", "--dump", folder / path)
        assert result.code == 1
        assert path in result.err
        assert "cannot be read" in result.err


@pytest.mark.parametrize("arguments", [(), ("--endpoint", "http://127.0.0.1:1/", "--dump", "x.json")])
def test_one_place_to_read_from_is_wanted(digest: Digest, arguments: tuple[str, ...]) -> None:
    assert digest("entities", "sync", *arguments).code == 2


# --- matching --------------------------------------------------------------------------------------------------------


def test_two_items_that_fit_equally_are_told_and_left() -> None:
    names = {"en": ["Tencent", "Tencent Holdings"], "zh": ["腾讯"]}
    items = [wikidata.Item("Q1", names), wikidata.Item("Q2", names)]
    found = wikidata.matched(items, catalogue(), DAY)
    assert not found.rows
    assert found.ambiguous == {"company:tencent": ("Q1", "Q2")}


def test_one_agreeing_name_is_not_enough() -> None:
    found = wikidata.matched([wikidata.Item("Q1", {"en": ["Apple", "Malus"]})], catalogue(), DAY)
    assert not found.matched


def test_name_that_another_entity_bears_is_not_taken_over() -> None:
    item = wikidata.Item("Q1", {"en": ["Tencent", "Tencent Holdings", "Alibaba"], "zh": ["腾讯"]})
    (row,) = wikidata.matched([item], catalogue(), DAY).rows
    assert "Alibaba" not in row["names"].get("en", [])
