"""Stages that misbehave, for test_pool.py: worker processes import this module, so it is kept light."""

import os
import re
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from digest.errors import DigestError
from digest.records import Failure, Retry

WARM: list[str] = []


def double(items: Sequence[int]) -> list[int | Failure]:
    return [item * 2 for item in items]


def odd_ones_fail(items: Sequence[int]) -> list[int | Failure]:
    return [Failure(str(item), "odd_ones_fail", "odd", Retry.LATER) if item % 2 else item for item in items]


def times(factor: int, items: Sequence[int]) -> list[int | Failure]:
    """To be given as a partial."""
    return [item * factor for item in items]


def negative_ones_raise(items: Sequence[int]) -> list[int | Failure]:
    if any(item < 0 for item in items):
        raise ValueError("secret text of an article")
    return double(items)


def negative_ones_swell(items: Sequence[int]) -> list[int | Failure]:
    if any(item < 0 for item in items):
        bytearray(1 << 40)
    return double(items)


def negative_ones_are_left_out(items: Sequence[int]) -> list[int | Failure]:
    return [item * 2 for item in items if item >= 0]


def negative_ones_lack_a_model(items: Sequence[int]) -> list[int | Failure]:
    if any(item < 0 for item in items):
        raise DigestError("model", "it is missing", "install it")
    return double(items)


def negative_ones_cannot_be_sent(items: Sequence[int]) -> list[int | Failure]:
    return [threading.Lock() if item < 0 else item * 2 for item in items]  # type: ignore[misc]


def negative_ones_kill(items: Sequence[int]) -> list[int | Failure]:
    if any(item < 0 for item in items):
        os.kill(os.getpid(), signal.SIGKILL)
    return double(items)


def negative_ones_exit(items: Sequence[int]) -> list[int | Failure]:
    if any(item < 0 for item in items):
        os._exit(0)
    return double(items)


def negative_ones_hang(items: Sequence[int]) -> list[int | Failure]:
    if any(item < 0 for item in items):
        time.sleep(600)
    return double(items)


def hangs(items: Sequence[object]) -> list[object]:
    time.sleep(600)
    return list(items)


def negative_ones_hold_the_interpreter(items: Sequence[int]) -> list[int | Failure]:
    if any(item < 0 for item in items):
        re.match(r"(a+)+$", "a" * 60 + "b")
    return double(items)


def killed_once(items: Sequence[str]) -> list[str | Failure]:
    """Each item is a file; who finds it missing makes it and dies, as if for another's greed."""
    for item in items:
        if not Path(item).exists():
            Path(item).touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return list(items)


def process_ids(items: Sequence[int]) -> list[int | Failure]:
    return [os.getpid() for _ in items]


def slow_process_ids(items: Sequence[int]) -> list[int | Failure]:
    time.sleep(0.3)
    return process_ids(items)


def tell_process_and_hold_the_interpreter(items: Sequence[str]) -> list[str | Failure]:
    Path(items[0]).write_text(str(os.getpid()))
    re.match(r"(a+)+$", "a" * 60 + "b")
    return list(items)


def print_something(items: Sequence[int]) -> list[int | Failure]:
    print("a library talks", flush=True)
    return double(items)


def large_results(items: Sequence[int]) -> list[bytes | Failure]:
    return [bytes(item) for item in items]


def warm_up() -> None:
    WARM.append("warm")


def warm_up_slowly() -> None:
    time.sleep(1.0)


def warm_up_wrongly() -> None:
    raise ImportError("no such model")


def warm_up_without_a_model() -> None:
    raise DigestError("model", "it is missing", "install it")


def warm_up_deadly() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def count_warm(items: Sequence[int]) -> list[int | Failure]:
    return [len(WARM) for _ in items]


def threads_of_libraries(items: Sequence[int]) -> list[int | Failure]:
    return [int(os.environ["OMP_NUM_THREADS"]) for _ in items]


def libraries_of_the_stages(items: Sequence[int]) -> list[int | Failure]:
    """Loads what the heavy stages load, and uses it."""
    import lxml.html
    import numpy
    import onnxruntime
    import spacy

    assert onnxruntime.get_available_providers()
    assert lxml.html.fromstring("<p>hello</p>").text == "hello"
    nlp = spacy.blank("de")
    matrix = numpy.ones((1_000, 1_000))
    return [len(nlp("Tencent zahlt eine Strafe")) + int((matrix @ matrix)[0, 0]) for _ in items]
