"""The scores themselves, on cases that can be counted by hand."""

from tests.quality.links import GOLD, HELD, read
from tests.quality.measure import Names, pairs


def test_names_count_edges_labels_and_kinds() -> None:
    counted = Names()
    counted.add([(0, 5, "COMPANY"), (9, 12, "AGENCY"), (20, 25, "PERSON")], [(0, 5, "COMPANY"), (9, 13, "COMPANY")])
    counted.add([], [(3, 4, "AGENCY")])
    counted.add([], [(3, 4, "PLACE")])
    assert counted.f1("COMPANY") == 2 / 3
    assert counted.f1("AGENCY") == 0
    assert counted.swapped_share == 0.5
    assert counted.disturbed_share == 0.5


def test_pairs_join_one_id_and_never_none() -> None:
    counted = pairs([("a", "x", "1"), ("b", "x", "1"), ("c", "x", None), ("d", "y", "1"), ("e", "z", None)])
    assert (counted.same, counted.joined) == (3, 1)
    assert (counted.different, counted.merged) == (7, 2)


def test_marks_of_links_hold_entity_and_name() -> None:
    assert read("The [agency:us-ftc FTC] sued [new:orvane Orvane].") == (
        "The FTC sued Orvane.",
        [(4, 7, "agency:us-ftc"), (13, 19, "new:orvane")],
    )


def test_wanted_entities_are_in_the_registry() -> None:
    from digest.entities.catalogue import catalogue

    for path in (*GOLD.glob("*.txt"), *HELD.glob("*.txt")):
        for line in path.read_text("utf-8").splitlines():
            text, marks = read(line)
            assert "[" not in text, line
            assert all(entity.startswith("new:") or entity in catalogue() for _, _, entity in marks), line
