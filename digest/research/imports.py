"""Articles from files into the ledger: saved posts, HTML files, JSON lines, and folders of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from digest.edges.pool import Runner
from digest.edges.store import Store
from digest.records import Document, Entry, Failure
from digest.stages.posts import read_import

__all__ = ["import_files"]

ENDINGS = {".md", ".markdown", ".txt", ".html", ".htm", ".json", ".jsonl"}
MAX_BYTES = 200_000_000
BATCH = 64  # files in memory at a time, and fewer of large ones
BATCH_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class File:
    name: str
    data: bytes


def import_files(store: Store, runner: Runner, paths: Sequence[Path], now: datetime) -> tuple[int, list[Failure]]:
    """How many articles were new, and the files that could not be read. A file imported twice adds nothing."""
    new = 0
    failures: list[Failure] = []
    for batch in _batches(paths, failures):
        outcomes = runner.run(read_files, batch, key=lambda file: file.name, size=8, deadline=60.0)
        read = [pair for outcome in outcomes if not isinstance(outcome, Failure) for pair in outcome]
        found = [(entry, replace(document, fetched=now)) for entry, document in read]
        failures += [outcome for outcome in outcomes if isinstance(outcome, Failure)]
        new += store.import_entries(found, now)
    return new, failures


def read_files(files: Sequence[File]) -> list[list[tuple[Entry, Document]] | Failure]:
    """The stage that the workers run."""
    return [read_import(file.name, file.data) for file in files]


def _batches(paths: Sequence[Path], failures: list[Failure]) -> Iterator[list[File]]:
    batch: list[File] = []
    for path in _files(paths):
        try:
            if path.stat().st_size > MAX_BYTES:
                raise OSError(None, "larger than 200 MB")
            batch.append(File(str(path), path.read_bytes()))
        except OSError as error:
            failures.append(Failure(str(path), "import", f"the file cannot be read ({error.strerror})"))
        if len(batch) == BATCH or sum(len(file.data) for file in batch) > BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.suffix.lower() in ENDINGS and one.is_file())
        else:
            yield path
