"""Watchlists: entities by any of their names, terms in any script."""

import pytest

from digest.records import Watchlist
from digest.stages.watch import watched, watches
from tests.samples import NAMES, report, resolve


def hits(term: str, text: str) -> bool:
    entries = watches([Watchlist("List", (), (term,))], {}, resolve)
    return bool(watched(entries, [report(1, "Bote", "de", text)], ()))


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("deepfake", "New rules for deepfakes"),
        ("Deepfake", "Streit um DEEPFAKE-Technik"),
        ("deepfake", "网信办要求对deepfake技术开展评估"),
        ("深度伪造", "涉深度伪造技术的应用"),
        ("ディープフェイク", "中国当局、ディープフェイク巡り聴取"),
        ("딥페이크", "딥페이크를 둘러싼 논란"),
        ("дипфейк", "Власти проверят создателей дипфейков"),
        ("تزييف", "بسبب التزييف العميق"),
        ("data centre", "A new data\u00a0centre opens"),
        ("Clubhouse", "Ｃｌｕｂｈｏｕｓｅ is blocked"),
        ("C++", "Jobs in C++ and Rust"),
    ],
)
def test_a_term_is_found(term: str, text: str) -> None:
    assert hits(term, text)


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("meta", "Ein Metaphernkurs"),
        ("line", "The deadline passed, and lines were long"),
        ("bank", "Embankment repaired"),
        ("chip", "Chipotle opens"),
        ("  ", "anything"),
        ("", "anything"),
    ],
)
def test_a_term_is_not_found_inside_other_words(term: str, text: str) -> None:
    assert not hits(term, text)


@pytest.mark.parametrize("written", ["company:tencent", "Tencent", "腾讯"])
def test_an_entity_is_found_by_id_or_by_any_name(written: str) -> None:
    entries = watches([Watchlist("Platforms", (written,))], NAMES, resolve)
    assert watched(entries, [], {"company:tencent"}) == ("Platforms: Tencent",)
    assert watched(entries, [report(1, "Bote", "de", "Tencentur")], ()) == ()


def test_a_name_that_nobody_knows_is_looked_for_as_a_term() -> None:
    entries = watches([Watchlist("Local", ("Stadtwerke Elbe",))], NAMES, resolve)
    assert watched(entries, [report(1, "Bote", "de", "Die Stadtwerke Elbe bauen")], ()) == ("Local: Stadtwerke Elbe",)


def test_each_entry_is_told_once_in_the_order_of_the_lists() -> None:
    lists = [Watchlist("A", ("Tencent", "腾讯"), ("deepfake",)), Watchlist("B", ("Xiaomi",))]
    entries = watches(lists, NAMES, resolve)
    found = watched(entries, [report(1, "Bote", "de", "Deepfakes")], {"company:tencent", "company:xiaomi"})
    assert found == ("A: Tencent", "A: deepfake", "B: Xiaomi")
