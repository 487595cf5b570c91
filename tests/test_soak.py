"""The soak test itself, for two cycles on a part of its web."""

from tests.soak.__main__ import Options, Record, soak, table


def test_two_cycles_leave_nothing_wrong() -> None:
    record = Record()
    soak(Options(minutes=1, seed=1, models=False, deadline=1, cycles=2, every=9), record)
    assert record.wrong == []
    assert len(record.samples) == 2
    assert table(record).count("quarter") == 2
