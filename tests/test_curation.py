"""`digest entities`: a person looks names up and decides what they mean; decisions win and are kept."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from digest.edges.database import Database
from digest.edges.entities import EntityStore
from digest.edges.own import OwnEntities
from digest.edges.store import Store
from digest.entities.catalogue import NOTHING, catalogue
from digest.entities.link import link, resolve
from digest.entities.unlisted import local_id
from digest.records import Act, Mention
from tests.conftest import Digest
from tests.ledger import ELBE, HANGANG, JINGHAI, NOW, put

NOW_LATER = NOW + timedelta(days=1)
HAIYUN = local_id("company", "海云食品")


def named(text: str, name: str, entity: str, reason: str = "local") -> Mention:
    start = text.index(name)
    return Mention(start, start + len(name), name, "COMPANY", entity, name, 0.8, reason)


@pytest.fixture
def ledger(folder: Path) -> Path:
    """Two articles that name a company of no registry, and one of it in Korean."""
    store = Store(Database(folder / "digest.db"))
    for number, source in enumerate((JINGHAI, ELBE)):
        title = "市场监管总局约谈海云食品" + "。" * number
        act = Act("agency:cn-samr", HAIYUN, "summon", 0, 12, title, 0.9)
        put(store, source, title, mentions=[named(title, "海云食品", HAIYUN)], acts=[act])
    title = "삼성전자 실적 발표"
    put(store, HANGANG, title, mentions=[named(title, "삼성전자", "company:samsung-electronics", "alias")])
    store.database.close()
    return folder


# --- looking up ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "entity"),
    [
        ("腾讯", "company:tencent"),
        ("騰訊", "company:tencent"),
        ("テンセント", "company:tencent"),
        ("Tensent", "company:tencent"),
        ("삼성전자", "company:samsung-electronics"),
        ("ＢＭＷ", "company:bmw"),
        ("网信办", "agency:cn-cac"),
        ("Bundeskartellamt", "agency:de-bkarta"),
    ],
)
def test_name_is_found_in_any_script_and_misspelt(digest: Digest, name: str, entity: str) -> None:
    assert entity in digest("entities", "find", name).out


def test_find_shows_names_that_only_the_ledger_holds(digest: Digest, ledger: Path) -> None:
    row = json.loads(digest("entities", "find", "海云", "--json").out.splitlines()[-1])
    assert (row["id"], row["articles"]) == (HAIYUN, 2)


@pytest.mark.parametrize("name", ["", "   ", "\x00\x1b[31m", "zzqx" * 1000, "%", "<zzqx>"])
def test_nothing_like_it_is_told(digest: Digest, name: str) -> None:
    result = digest("entities", "find", name)
    assert result.code == 1
    assert "nothing is named like" in result.err
    assert "\x1b" not in result.told


def test_show_tells_each_link_with_its_reason_and_how_sure_it_is(digest: Digest, ledger: Path) -> None:
    told = digest("entities", "show", "company:samsung-electronics").out
    assert "삼성전자" in told
    assert "한강신문: … [삼성전자] 실적 발표 …" in told
    assert "alias, 0.80" in told
    assert json.loads(digest("entities", "show", "삼성전자", "--json").out)["ledger"]["articles"] == 1


def test_show_tells_of_the_parts_of_a_body(digest: Digest) -> None:
    assert "agency:cn-shanghai-cac" in digest("entities", "show", "agency:cn-cac").out


def test_review_lists_what_no_list_holds_with_its_contexts(digest: Digest, ledger: Path) -> None:
    told = digest("entities", "review").out
    assert HAIYUN in told
    assert "in 2 articles of 2 sources" in told
    assert "市场监管总局约谈[海云食品]" in told
    assert "삼성전자" not in told
    assert digest("entities", "review", "--language", "ar").out == ""


def test_review_suggests_who_it_may_be(digest: Digest, folder: Path) -> None:
    store = Store(Database(folder / "digest.db"))
    title = "Tencemt under review"
    put(store, ELBE, title, mentions=[named(title, "Tencemt", local_id("company", "Tencemt"))])
    assert f"digest entities merge {local_id('company', 'Tencemt')} company:tencent" in digest("entities", "review").out


# --- deciding --------------------------------------------------------------------------------------------------------

ACME = {"id": "company:acme-labs", "country": "DE", "names": {"en": ["Acme Labs"], "zh": ["海云食品"]}}


def own(folder: Path) -> OwnEntities:
    return OwnEntities(folder / "entities")


def test_added_company_is_linked_and_takes_in_what_was_counted_before(digest: Digest, ledger: Path) -> None:
    assert digest("entities", "add", json.dumps(ACME)).code == 0
    decided = own(ledger).read()
    text = "Das Kartellamt prüft Acme Labs."
    assert [m.entity for m in link(text, "de", own=decided) if m.text == "Acme Labs"] == ["company:acme-labs"]
    store = EntityStore(Database(ledger / "digest.db"))
    assert store.follow(decided.merges, {"company:acme-labs": "Acme Labs"}) == 2
    assert store.counted("company:acme%", 5)[0].articles == 2


def test_name_given_to_a_known_company_is_linked(digest: Digest, folder: Path) -> None:
    digest("entities", "add", '{"id": "company:tencent", "names": {"de": ["Pinguinhaus"]}}')
    decided = own(folder).read()
    assert resolve("Pinguinhaus", decided) == "company:tencent"
    assert resolve("腾讯", decided) == "company:tencent"
    assert resolve("Pinguinhaus") is None


def test_merge_wins_now_and_in_what_is_stored(digest: Digest, ledger: Path) -> None:
    result = digest("entities", "merge", HAIYUN, "company:tencent")
    assert "2 stored mentions follow" in result.out
    database = Database(ledger / "digest.db")
    with database.read() as db:
        assert {row[0] for row in db.exec_driver_sql("select company from act")} == {"company:tencent"}
    assert resolve(HAIYUN, own(ledger).read()) == "company:tencent"
    assert digest("entities", "show", HAIYUN).out.startswith("company:tencent")


def test_repeated_merge_does_no_harm(digest: Digest, ledger: Path) -> None:
    digest("entities", "merge", HAIYUN, "company:tencent")
    assert "0 stored mentions" in digest("entities", "merge", HAIYUN, "company:tencent").out


def test_later_merge_turns_an_earlier_one_round(folder: Path, digest: Digest) -> None:
    digest("entities", "merge", "company:tencent", "company:alibaba")
    assert resolve("腾讯", own(folder).read()) == "company:alibaba"
    digest("entities", "merge", "company:alibaba", "company:naver")
    assert resolve("腾讯", own(folder).read()) == "company:naver"


def test_split_name_means_the_other_and_its_articles_are_tagged_anew(digest: Digest, folder: Path) -> None:
    store = Store(Database(folder / "digest.db"))
    title = "텐센트 이전"
    number = put(store, ELBE, title, mentions=[named(title, "텐센트", "company:tencent", "alias")])
    digest("entities", "add", '{"id": "company:tensent-seoul", "country": "KR", "names": {"en": ["Tensent Seoul"]}}')
    result = digest("entities", "split", "company:tencent", "텐센트", "--into", "company:tensent-seoul")
    assert "1 article to be tagged anew" in result.out
    assert resolve("텐센트", own(folder).read()) == "company:tensent-seoul"
    assert [text.id for text in store.articles_to_tag(1, NOW_LATER, 10)] == [str(number)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("merge", "nonsense", "company:tencent"), "no id of an entity"),
        (("merge", "company:tencent", "company:tencent"), "are one already"),
        (("merge", "company:tencent", "agency:cn-cac"), "cannot be one"),
        (("merge", "company:tencent", "company:nobody-at-all"), "no entity has the id"),
        (("split", "company:tencent", "Tesla"), "has no name"),
        (("split", "company:nobody", "Tesla"), "no entity of the registry"),
        (("add", "nonsense"), "is not JSON"),
        (("add", "[]"), "a row is an object"),
        (("add", '{"id": "acme"}'), "is no id"),
        (("add", '{"id": "company:acme"}'), "has no name"),
        (("add", '{"id": "company:acme", "names": {"en": ["\\u0000\\u202e"]}}'), "a name is empty"),
        (("add", '{"id": "company:acme", "names": {"en": ["%s"]}}' % ("A" * 1000)), "over 200 characters"),
        (("add", '{"id": "company:acme", "names": {"xx": ["A"]}}'), "is not a language"),
        (("add", '{"id": "company:acme", "names": ["A"]}'), "names by language"),
        (("add", '{"id": "company:acme", "wikidata": 3, "names": {"en": ["A"]}}'), "is not a key"),
        (("add", '{"id": "company:tencent", "kind": "agency"}'), "not a agency"),
        (("add", '{"id": "company:acme", "country": "Germany", "names": {"en": ["A"]}}'), "country code"),
        (("show", "company:nobody"), "no entity has the id"),
    ],
)
def test_decision_without_sense_is_refused_and_changes_nothing(
    digest: Digest, folder: Path, arguments: tuple[str, ...], told: str
) -> None:
    result = digest("entities", *arguments)
    assert result.code == 1
    assert told in result.err
    assert own(folder).read() == NOTHING


def test_broken_line_is_told_with_its_file_and_number(digest: Digest, folder: Path) -> None:
    digest("entities", "add", json.dumps(ACME))
    with (folder / "entities" / "own.jsonl").open("a") as file:
        file.write('{"id": "company:half')
    result = digest("entities", "find", "Acme")
    assert result.code == 1
    assert "own.jsonl, line 2: the line is not JSON" in result.err


def test_entities_of_feeds_yaml_count_too(digest: Digest, folder: Path) -> None:
    with (folder / "feeds.yaml").open("a") as file:
        file.write(
            "entities:\n  - id: company:haiyun\n    country: CN\n    names: {zh: [海云食品], en: [Haiyun Foods]}\n"
        )
    assert "company:haiyun" in digest("entities", "find", "海云食品").out


def test_mistake_in_the_entities_of_feeds_yaml_is_told_by_line(digest: Digest, folder: Path) -> None:
    with (folder / "feeds.yaml").open("a") as file:
        file.write("entities:\n  - id: haiyun\n    names: {zh: [海云食品]}\n")
    result = digest("check")
    assert result.code == 1
    assert "line 16, entity 1" in result.err
    assert "'haiyun' is no id" in result.err


def test_without_decisions_the_registry_is_the_packaged_one(folder: Path) -> None:
    assert own(folder).read() == NOTHING
    assert catalogue(own(folder).read()) is catalogue()
