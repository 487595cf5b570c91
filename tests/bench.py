"""What Digest's heavy stages cost beside a plain loop of the same libraries: `python -m tests.bench`.

Both sides have two processes, with the models loaded and warm, and read the demonstration newsroom's pages over and
over for some seconds. The plain loop decodes and calls trafilatura, or runs the spaCy pipeline, and nothing else: no
metadata, dates, languages, links or acts, no deadlines, and no protection from a page that crashes its reader.
On a machine that others use too, the processor's time tells more than the clock's.
"""

import json
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle, islice
from typing import Any

import trafilatura

from digest.demo.cycle import MORNING
from digest.demo.newsroom import newsroom
from digest.demo.pages import render_page
from digest.edges.pool import ONE_THREAD, Pool
from digest.entities.recognise import load
from digest.pipeline import DEADLINES, SIZES
from digest.records import Document, Entry, Failure, Page, Text
from digest.stages.extract import extract
from digest.stages.tag import tag

PROCESSES = 2
SECONDS = 5.0  # of measuring for each of the four, at least; with starts, the whole stays under a minute
ROUND = 4  # batches: the clock is looked at after each round


@dataclass(frozen=True, slots=True)
class Measured:
    articles: int
    seconds: float
    cpu_seconds: float  # of all processes together
    coordinator_mb: int
    worker_mb: int  # the largest one's peak

    @property
    def rate(self) -> float:
        return self.articles / self.seconds

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu_seconds / self.articles


# --- what is read ----------------------------------------------------------------------------------------------------


def pages() -> list[Page]:
    return [page for page, _ in _rendered()]


def raw_pages() -> list[tuple[bytes, str]]:
    return [(page.document.body, encoding) for page, encoding in _rendered() if page.document]


def _rendered() -> Iterator[tuple[Page, str]]:
    both = ((outlet, article) for outlet in newsroom().outlets for article in outlet.articles)
    for number, (outlet, article) in enumerate(both):
        url = f"https://{outlet.key}.example{article.path}"
        body, kind = render_page(outlet, article, url, MORNING)
        document = Document(url, url, 200, {"content-type": kind}, body, MORNING)
        entry = Entry(f"https://{outlet.key}.example/feed", article.id, article.title, url, summary=article.summary)
        yield Page(number, document, entry, outlet.name, outlet.country, outlet.language), outlet.feed.encoding


def texts() -> list[Text]:
    return [
        Text(article.id, "\n".join((article.title, *article.body)), outlet.language, outlet.country)
        for outlet in newsroom().outlets
        for article in outlet.articles
    ]


# --- who reads it ----------------------------------------------------------------------------------------------------

Stage = Callable[[Sequence[Any]], Sequence[Any]]
Read = Callable[[Sequence[Any]], float]


@dataclass(frozen=True, slots=True)
class Reader:
    """`opened` gives a function that reads some of `items` and tells the seconds of processor that workers spent."""

    items: Callable[[], Sequence[Any]]
    kind: str
    opened: Callable[[], AbstractContextManager[Read]]


def timed(stage: Stage, batch: Sequence[Any]) -> list[tuple[Any, float]]:
    """Each outcome with its share of the processor's time; runs in the worker."""
    began = time.process_time()
    outcomes = stage(batch)
    share = (time.process_time() - began) / len(batch)
    return [(outcome, share) for outcome in outcomes]


@contextmanager
def digest_reads(stage: Stage, kind: str) -> Iterator[Read]:
    with Pool(PROCESSES) as pool:

        def read(items: Sequence[Any]) -> float:
            run = partial(pool.run, key=lambda item: str(item.id), size=SIZES[kind], deadline=DEADLINES[kind])
            outcomes = run(partial(timed, stage), items)
            assert not any(isinstance(one, Failure) for one in outcomes)
            return sum(one[1] for one in outcomes if not isinstance(one, Failure))

        yield read


@contextmanager
def plain_loop_reads(loop: Stage, kind: str) -> Iterator[Read]:
    size = SIZES[kind]
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as executor:

        def read(items: Sequence[Any]) -> float:
            batches = [items[start : start + size] for start in range(0, len(items), size)]
            return sum(share for done in executor.map(partial(timed, loop), batches) for _, share in done)

        yield read


def _read_pages(batch: Sequence[tuple[bytes, str]]) -> list[str | None]:
    return [trafilatura.extract(body.decode(encoding, "replace"), include_comments=False) for body, encoding in batch]


def _read_texts(batch: Sequence[Text]) -> list[list[tuple[int, int, str]]]:
    docs = load().pipe(text.text for text in batch)
    return [[(one.start_char, one.end_char, one.label_) for one in doc.ents] for doc in docs]


READERS = {
    "digest extract": Reader(pages, "extract", partial(digest_reads, extract, "extract")),
    "plain extract": Reader(raw_pages, "extract", partial(plain_loop_reads, _read_pages, "extract")),
    "digest tag": Reader(texts, "tag", partial(digest_reads, tag, "tag")),
    "plain tag": Reader(texts, "tag", partial(plain_loop_reads, _read_texts, "tag")),
}


# --- the measurement -------------------------------------------------------------------------------------------------


def measure(name: str) -> Measured:
    """In a process of its own: peaks of memory only ever rise."""
    reader = READERS[name]
    stream = cycle(reader.items())
    size = SIZES[reader.kind] * ROUND
    with reader.opened() as read:
        for _ in range(PROCESSES):  # starts the processes, and loads what they load, for each language too
            read(reader.items())
        count, cpu, began, own = 0, 0.0, time.perf_counter(), time.process_time()
        while (seconds := time.perf_counter() - began) < SECONDS:
            cpu += read(list(islice(stream, size)))
            count += size
        cpu += time.process_time() - own
    # Only now the workers are reaped, and counted.
    return Measured(count, seconds, cpu, _peak_mb(resource.RUSAGE_SELF), _peak_mb(resource.RUSAGE_CHILDREN))


def _peak_mb(who: int) -> int:
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(who).ru_maxrss * unit // 1_000_000


def _measured_apart(reader: str) -> Measured:
    # Not with -m: workers find what stands in a module of its own name only.
    command = [sys.executable, "-c", "from tests.bench import print_measured; print_measured()", reader]
    answer = subprocess.run(command, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, check=True)
    return Measured(**json.loads(answer.stdout))


def print_table() -> None:
    print(f"{PROCESSES} processes; {len(texts())} articles in {len({one.language for one in texts()})} languages\n")
    print(f"{'':16}{'articles/s':>12}{'CPU ms/article':>16}{'worker MB':>12}{'coordinator MB':>16}")
    for kind in ("extract", "tag"):
        ours, plain = _measured_apart(f"digest {kind}"), _measured_apart(f"plain {kind}")
        for name, one in ((f"digest {kind}", ours), (f"plain {kind}", plain)):
            print(f"{name:16}{one.rate:12.1f}{one.cpu_ms:16.1f}{one.worker_mb:12}{one.coordinator_mb:16}")
        rate, cpu = ours.rate / plain.rate, ours.cpu_ms / plain.cpu_ms
        worker, coordinator = ours.worker_mb / plain.worker_mb, ours.coordinator_mb / plain.coordinator_mb
        print(f"{'ratio':16}{rate:12.2f}{cpu:16.2f}{worker:12.2f}{coordinator:16.2f}\n")


def print_measured() -> None:
    print(json.dumps(asdict(measure(sys.argv[1]))))


if __name__ == "__main__":
    print_table()
