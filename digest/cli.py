"""The commands. Data goes to stdout, logs and progress to stderr. Exit 0: done; 1: something failed; 2: wrong use."""

import asyncio
import io
import json
import logging
import os
import sys
import tempfile
import webbrowser
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, NoReturn
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from digest import config as configuration
from digest import curation, health, inspection, sources
from digest.config import Config, Environment
from digest.demo.cycle import run_demo
from digest.edges.database import Database, default_url
from digest.edges.fetch import Fetcher, FetchOptions
from digest.edges.issues import IssueStore
from digest.edges.mail import Folder, Mailer, Smtp, build
from digest.edges.pool import Pool
from digest.edges.store import Store
from digest.edges.subscriptions import SubscriptionStore
from digest.entities.acts import ACTIONS
from digest.entities.link import resolve
from digest.errors import DigestError
from digest.languages import base
from digest.pipeline import Pipeline, Progress, StageResult
from digest.records import Document, Edition, Failure
from digest.research import actions as found_actions
from digest.research import export as exports
from digest.research import imports
from digest.schedule import Service
from digest.stages.calendar import next_issue
from digest.stages.render import render
from digest.websub import Subscriber

__all__ = ["main"]

log = logging.getLogger(__name__)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A multilingual news monitor that mails a briefing.",
)
inspect = typer.Typer(no_args_is_help=True, help="Run one stage on your own files: JSON lines, no database.")
app.add_typer(inspect, name="inspect")
app.add_typer(curation.app, name="entities")
app.add_typer(sources.app, name="sources")

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The configuration.", envvar="DIGEST_CONFIG")]
DatabaseUrl = Annotated[
    str,
    typer.Option("--db", help="The ledger: a file or an SQLAlchemy URL.", show_default="by the platform's convention"),
]
DEFAULT_CONFIG = Path("feeds.yaml")
WORKERS = max(1, min(4, os.cpu_count() or 1))  # each holds the model: about half a gigabyte

INTERRUPTED = 130  # the exit code of what Ctrl-C ended
Inputs = Annotated[list[str], typer.Argument(metavar="FILE|URL...", help="What to read.")]


def now() -> datetime:
    """The one clock of the program."""
    return datetime.now(UTC)


def main() -> None:
    """The entry point: no traceback reaches a user."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whatever the locale; lone surrogates come out as JSON escapes them
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for library in ("alembic", "apscheduler", "mail.log"):  # the last is the demonstration's mail server
        logging.getLogger(library).setLevel(logging.WARNING)
    try:
        app(obj=now)
    except DigestError as error:
        fail(str(error))
    except SystemExit as end:
        if end.code == INTERRUPTED:  # how typer tells of a KeyboardInterrupt
            fail("stopped; what was finished is kept, and the next run goes on from there", INTERRUPTED)
        raise


def fail(message: str, code: int = 1) -> NoReturn:
    print(f"digest: {message}", file=sys.stderr)
    sys.exit(code)


@dataclass(slots=True)
class Progressing:
    """Shows on stderr how far a stage is: a line that counts up in a terminal, a line a stage elsewhere."""

    last: Progress | None = None

    def tell(self, progress: Progress) -> None:
        if sys.stderr.isatty():
            end = "\n" if self.last and self.last.stage != progress.stage else ""
            print(f"{end}\r{progress.stage:10}{progress.done:6}", end="", file=sys.stderr, flush=True)
        elif self.last is None or self.last.stage != progress.stage:
            print(f"{progress.stage} ...", file=sys.stderr, flush=True)
        self.last = progress

    def end(self) -> None:
        if self.last and sys.stderr.isatty():
            print(file=sys.stderr)


# --- opening the parts -----------------------------------------------------------------------------------------------


@contextmanager
def opened(config_path: Path, url: str, *, alone: bool = False, create: bool = True) -> Iterator[Pipeline]:
    """The pipeline with its ledger and workers. `alone`: no second program may poll for the same ledger meanwhile."""
    config = configuration.load(config_path)
    database = Database(_database_url(url), create=create)
    progress = Progressing()
    try:
        with database.lock() if alone else nullcontext(), Pool(WORKERS) as pool:
            yield Pipeline(config, Store(database), IssueStore(database), pool, now, progress.tell)
    finally:
        progress.end()
        database.close()


def _database_url(given: str) -> str:
    url = given or Environment.read().database or default_url()
    return url if "://" in url else f"sqlite:///{Path(url).absolute()}"


def fetcher(config: Config) -> Fetcher:
    settings = config.fetch
    if not settings.contact:
        log.warning("no contact in feeds.yaml: write e.g. 'contact: desk@example.org' under 'fetch' for webmasters")
    options = FetchOptions(
        configuration.user_agent(settings.contact),
        settings.allow_hosts,
        deadline=settings.deadline.total_seconds(),
        delay=settings.delay.total_seconds(),
        proxy=settings.proxy,
    )
    return Fetcher(options, now)


@contextmanager
def open_mailer(config: Config) -> Iterator[Mailer]:
    """The user's mail server, or the folder that stands in for one."""
    url = Environment.read().smtp_url
    with Smtp(url) if url else Folder(config.mail_folder) as mailer:
        yield mailer


# --- everyday --------------------------------------------------------------------------------------------------------


@app.command()
def check(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Tell every mistake in feeds.yaml, with its line and what to write instead."""
    found = configuration.problems(config)
    for error in found:
        print(error, file=sys.stderr)
    if found:
        raise typer.Exit(1)
    good = configuration.load(config)
    languages = {base(source.language) for source in good.sources if source.language}
    print(f"{config}: good: {len(good.sources)} sources in {len(languages)} languages, {len(good.editions)} editions")


@app.command()
def update(config: ConfigPath = DEFAULT_CONFIG, db: DatabaseUrl = "") -> None:
    """Poll the feeds that are due, once, and bring every new article into its story."""
    with opened(config, db, alone=True) as pipeline:
        results = asyncio.run(_update(pipeline))
    for result in results:
        print(f"{result.stage:9} {result.done:6} done  {_failed(result.failed)}{result.seconds:8.1f} s")


async def _update(pipeline: Pipeline) -> list[StageResult]:
    async with fetcher(pipeline.config) as open_fetcher:
        return await pipeline.update(open_fetcher)


def _failed(reasons: Mapping[str, int]) -> str:
    told = ", ".join(f"{number} x {reason}" for reason, number in sorted(reasons.items(), key=lambda pair: -pair[1]))
    return f"{sum(reasons.values()):5} failed ({told})" if told else "    0 failed"


@app.command()
def run(config: ConfigPath = DEFAULT_CONFIG, db: DatabaseUrl = "") -> None:
    """The service: poll each feed at its pace and send each edition at its hour, until told to stop."""
    with opened(config, db, alone=True) as pipeline:
        service = Service(
            pipeline, lambda: fetcher(pipeline.config), lambda: open_mailer(pipeline.config), _subscriber(pipeline)
        )
        log.info("%s", _introduction(pipeline))
        asyncio.run(service.run())
        log.info("stopped")


def _subscriber(pipeline: Pipeline) -> Subscriber | None:
    callback = pipeline.config.fetch.websub
    return Subscriber(SubscriptionStore(pipeline.store.database), callback, now) if callback else None


def _introduction(pipeline: Pipeline) -> str:
    """What the service is about to do, for its log."""
    config, place = pipeline.config, pipeline.store.database.place
    due = min((next_issue(edition, now()) for edition in config.editions), default=None)
    told = f"next issue {due:%Y-%m-%d %H:%M} UTC" if due else "no issue to send"
    return f"started: {len(config.sources)} sources, {len(config.editions)} editions, ledger {place}, {told}"


@app.command()
def send(
    edition: Annotated[str, typer.Argument(help="The edition's name in feeds.yaml.")],
    day: Annotated[str, typer.Option("--date", help="The local day, e.g. 2026-03-18; today if not given.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write .eml files; send and save nothing.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    db: DatabaseUrl = "",
) -> None:
    """Make the edition's issue of a day, if it has none yet, and send what waits in the outbox."""
    with opened(config, db, create=not dry_run) as pipeline:
        wanted = pipeline.config.edition(edition)
        local_day = _day(day) if day else now().astimezone(ZoneInfo(wanted.zone)).date()
        if dry_run:
            _dry_run(pipeline, wanted, local_day)
            return
        issue = pipeline.make_issue(wanted, local_day)
        print(
            f"issue of {local_day}: {issue.email.subject}"
            if issue
            else f"{edition} has its issue of {local_day} already"
        )
        with open_mailer(pipeline.config) as mailer:
            counts = pipeline.deliver(mailer)
    print("mail:", ", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "nothing was waiting")
    if set(counts) - {"sent"}:
        raise typer.Exit(1)


def _dry_run(pipeline: Pipeline, edition: Edition, day: date) -> None:
    folder = Path("dry-run")
    email = render(pipeline.compose(edition, day))
    sender = pipeline.config.delivery.sender
    with Folder(folder) as mailer:
        for recipient in edition.recipients:
            _, body = build(email, sender=sender, recipient=recipient, edition=edition.name, day=day, now=now())
            mailer.send(body, sender, recipient, lambda: None)
    print(f"{len(edition.recipients)} mails written to {folder}: {email.subject}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a day; write e.g. 2026-03-18") from error


@app.command()
def preview(
    edition: Annotated[str, typer.Argument(help="The edition's name in feeds.yaml.")],
    config: ConfigPath = DEFAULT_CONFIG,
    db: DatabaseUrl = "",
) -> None:
    """Open the issue, as it would be sent now, in the browser. Nothing is saved."""
    with opened(config, db, create=False) as pipeline:
        wanted = pipeline.config.edition(edition)
        email = render(pipeline.compose(wanted, now().astimezone(ZoneInfo(wanted.zone)).date()))
    path = Path(tempfile.mkdtemp(prefix="digest-")) / "issue.html"
    path.write_text(email.html, encoding="utf-8")
    print(path)
    webbrowser.open(path.as_uri())


@app.command()
def status(config: ConfigPath = DEFAULT_CONFIG, db: DatabaseUrl = "") -> None:
    """Feeds, last success, failures by reason, the queue, and when the next issues are due."""
    settings = configuration.load(config)
    with closing(Database(_database_url(db), create=False)) as database:
        health.print_status(_console(), database, settings, now())


@app.command()
def article(
    which: Annotated[str, typer.Argument(metavar="NUMBER|URL", help="Its number in the ledger, or its address.")],
    db: DatabaseUrl = "",
) -> None:
    """An article as it stands, with its earlier versions and what its source changed: JSON lines."""
    with closing(Database(_database_url(db), create=False)) as database:
        store = Store(database)
        rows = [inspection.article_row(number, one, store.versions(number)) for number, one in store.articles_at(which)]
    if not rows:
        raise DigestError(
            which, "the ledger holds no such article", "give its number or its address, as exports have it"
        )
    _print_rows(rows)


def _console() -> Console:
    """A pipe has no width: whatever reads it wants whole lines."""
    return Console(width=None if sys.stdout.isatty() else 1000)


@app.command()
def doctor(
    config: ConfigPath = DEFAULT_CONFIG,
    db: DatabaseUrl = "",
    feeds: Annotated[bool, typer.Option(help="Also ask every feed.")] = True,
) -> None:
    """Try every part: configuration, database, model, mail server, and each feed."""
    settings = configuration.load(config)
    if not asyncio.run(
        health.doctor(_console(), settings, _database_url(db), Environment.read().smtp_url, fetcher, feeds)
    ):
        raise typer.Exit(1)


# --- in and out ------------------------------------------------------------------------------------------------------


@app.command(name="import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="Saved posts, HTML files, JSON lines, or folders of them.")],
    config: ConfigPath = DEFAULT_CONFIG,
    db: DatabaseUrl = "",
) -> None:
    """Take articles from files into the ledger, marked as imported."""
    with opened(config, db) as pipeline:
        new, failures = imports.import_files(pipeline.store, pipeline.runner, paths, now())
        asyncio.run(pipeline.digest_articles())
    for failure in failures:
        print(f"{failure.id}: {failure.reason}", file=sys.stderr)
    print(f"{new} articles imported, {len(failures)} files failed")
    if failures:
        raise typer.Exit(1)


@app.command()
def actions(
    agency: Annotated[str, typer.Option(help="Only acts of this agency: a name or an id.")] = "",
    company: Annotated[str, typer.Option(help="Only acts on this company: a name or an id.")] = "",
    kind: Annotated[str, typer.Option("--type", help="Only acts of this type, e.g. fine.")] = "",
    since: Annotated[str, typer.Option(help="Only reports from this day on, e.g. 2026-03-01.")] = "",
    form: Annotated[exports.Format, typer.Option("--format", "-f", help="csv or jsonl.")] = exports.Format.CSV,
    db: DatabaseUrl = "",
) -> None:
    """List what agencies did to companies, one line an act, with its day, sum, status, sources and evidence."""
    if kind and kind not in ACTIONS:
        raise DigestError("--type", f"'{kind}' is no type of act", f"one of: {', '.join(ACTIONS)}")
    wanted = found_actions.Wanted(
        _entity(agency, "--agency"), _entity(company, "--company"), kind or None, _day(since) if since else None
    )
    with closing(Database(_database_url(db), create=False)) as database:
        rows = found_actions.actions(database, wanted)
        lines = found_actions.as_csv(rows) if form is exports.Format.CSV else found_actions.as_json(rows)
        for line in lines:
            print(line)


def _entity(given: str, option: str) -> str | None:
    """The id that a name means; local ids stand for themselves."""
    if not given or given.startswith("local:"):
        return given or None
    entity = resolve(given)
    if entity is None:
        raise DigestError(option, f"'{given}' is nobody that the registry knows", "see `digest entities find NAME`")
    return entity


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write to.")] = Path("export"),
    form: Annotated[exports.Format, typer.Option("--format", "-f", help="csv or jsonl.")] = exports.Format.CSV,
    since: Annotated[str, typer.Option(help="The first day, e.g. 2026-03-01.")] = "",
    until: Annotated[str, typer.Option(help="The last day.")] = "",
    db: DatabaseUrl = "",
) -> None:
    """Write articles, mentions, acts, stories and fetches, with a file that says what they cover and what they miss."""
    span = exports.Span.of_days(_day(since) if since else None, _day(until) if until else None)
    with closing(Database(_database_url(db), create=False)) as database:
        for path, rows in exports.write(database, out, form, span, now()):
            print(f"{path}: {rows} rows")


@app.command()
def demo(out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write to.")] = Path("demo-out")) -> None:
    """Run a small newsroom of our own on this machine through the whole program."""
    progress = Progressing()
    result = run_demo(out, progress.tell)
    progress.end()
    failed = sum(sum(stage.failed.values()) for stage in result.stages)
    print(f"{result.issue.email.subject}\n")
    for name, told in (
        ("issue.html", "the digest as it looks"),
        ("issue.txt", "its text part"),
        ("mail/", f"{result.mails} mails as the mail server received them"),
        ("digest.db", "everything that was seen and found"),
        ("report.json", f"counts and seconds by stage, {failed} failures with their reasons"),
    ):
        print(f"  {out / name!s:28} {told}")
    print(f"\n{result.seconds:.1f} s in all. To see the digest:  {_open_command()} {out / 'issue.html'}")


def _open_command() -> str:
    return {"darwin": "open", "win32": "start"}.get(sys.platform, "xdg-open")


# --- inspect ---------------------------------------------------------------------------------------------------------


@inspect.command()
def feed(sources: Inputs) -> None:
    """Feeds as Digest reads them."""
    with Pool(_workers(len(sources))) as pool:
        _print_rows(inspection.feeds(_documents([(source, "") for source in sources]), pool))


@inspect.command()
def page(
    sources: Inputs,
    url: Annotated[str, typer.Option(help="The address that a file was saved from.")] = "",
) -> None:
    """Pages as Digest reads them; with `-`, JSON lines {"file", "url"} on stdin."""
    listed = sources == ["-"]
    named = inspection.page_list(inspection.read_lines(sys.stdin.buffer)) if listed else [(one, url) for one in sources]
    with Pool(_workers(len(named))) as pool:
        _print_rows(inspection.pages(_documents(named), pool))


@inspect.command(name="tag")
def tag_(source: Annotated[str, typer.Argument(metavar="FILE.jsonl|-")]) -> None:
    """Companies, agencies and acts in texts."""
    rows = _lines(source)
    with Pool(_workers(len(rows))) as pool:
        _print_rows(inspection.tags(rows, pool))


@inspect.command(name="group")
def group_(source: Annotated[str, typer.Argument(metavar="FILE.jsonl|-")]) -> None:
    """Stories of a stream of headlines."""
    rows = _lines(source)
    with Pool(_workers(len(rows))) as pool:
        _print_rows(inspection.groups(rows, pool))


def _workers(items: int) -> int:
    """One worker starts faster; more are worth their start from some dozens of items on."""
    return 1 if items < 32 else WORKERS


def _lines(source: str) -> list[inspection.Row]:
    if source == "-":
        return list(inspection.read_lines(sys.stdin.buffer))
    try:
        with open(source, "rb") as lines:
            return list(inspection.read_lines(lines))
    except OSError as error:
        raise DigestError(
            source, f"the file cannot be read ({error.strerror})", "name a file of JSON lines, or -"
        ) from error


def _documents(named: Sequence[tuple[str, str]]) -> list[tuple[str, Document | Failure]]:
    """What the user named, read or fetched: (file or URL, the address that it is read under)."""
    return asyncio.run(_read_all(named))


async def _read_all(named: Sequence[tuple[str, str]]) -> list[tuple[str, Document | Failure]]:
    async with Fetcher(FetchOptions(configuration.user_agent()), now) as door:
        return [
            (
                name,
                await door.get(name)
                if _is_web(name)
                else inspection.read_file(name, url if _is_web(url) else "", now()),
            )
            for name, url in named
        ]


def _is_web(name: str) -> bool:
    return name.startswith(("http://", "https://"))


def _print_rows(rows: Iterable[inspection.Row]) -> None:
    failed = False
    for row in rows:
        print(json.dumps(row, ensure_ascii=False), flush=True)
        failed = failed or inspection.failed(row)
    if failed:
        raise typer.Exit(1)
