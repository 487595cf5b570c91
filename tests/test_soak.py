"""The soak test itself, for two cycles on a part of its web."""

import signal
import subprocess
import sys
import time

from tests.soak.__main__ import Options, Record, soak, table


def test_two_cycles_leave_nothing_wrong() -> None:
    record = Record()
    soak(Options(minutes=1, seed=1, models=False, deadline=1, cycles=2, every=9), record)
    assert record.wrong == []
    assert len(record.samples) == 2
    assert table(record).count("quarter") == 2


def test_ctrl_c_shows_what_was_seen_so_far_and_ends_quietly() -> None:
    command = [sys.executable, "-m", "tests.soak", "--without-models"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "seed 1\n"
        time.sleep(3)  # by then its feeds are being asked
        process.send_signal(signal.SIGINT)
        told, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "ended early" in told
    assert "fetch broke" not in errors
    assert "Traceback" not in errors
