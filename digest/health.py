"""`digest status` and `digest doctor`: how the service does, and whether every part of it works."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from digest.config import Config
from digest.edges.database import Database
from digest.edges.fetch import Fetcher
from digest.edges.issues import IssueStore
from digest.edges.mail import smtp_check
from digest.edges.pool import Pool, Runner
from digest.edges.store import Counts, Store
from digest.errors import DigestError
from digest.records import Document, Failure, FeedState, ParsedFeed, Source, Text
from digest.sitemaps import follow
from digest.stages.calendar import next_issue
from digest.stages.parse import parse
from digest.stages.tag import tag

__all__ = ["doctor", "print_status"]

# A feed that answers and brings nothing for this long is told of: many feeds die without an error.
SILENT = timedelta(days=14)
# For one feed, a worker's start included.
PARSE_SECONDS = 30.0


def print_status(console: Console, database: Database, config: Config, now: datetime) -> None:
    """Feeds with their last success, failures by reason, what waits, and the next issues."""
    store, issues = Store(database), IssueStore(database)
    states = store.feed_states(config.sources)
    console.print(_feed_table(config, states, now))
    _print_counts(console, store.counts())
    mails = ", ".join(f"{number} {state}" for state, number in sorted(issues.outbox_counts().items()))
    console.print(f"mail: {mails or 'none yet'}")
    for edition in config.editions:
        last = issues.issue(edition.name)
        told = f"; the last, of {last.date}: {escape(last.email.subject)}" if last else ""
        console.print(f"edition {edition.name}: next issue {_short(next_issue(edition, now))} UTC{told}")


def _feed_table(config: Config, states: Mapping[str, FeedState], now: datetime) -> Table:
    table = Table("source", "last success", "next", "trouble", box=None, header_style="bold")
    for source in config.sources:
        state = states.get(source.feed)
        last = _short(state.last_success) if state else "never"
        table.add_row(escape(source.name), last, _next_poll(state), escape(_trouble(state, now)))
    return table


def _next_poll(state: FeedState | None) -> str:
    if state is None:
        return "at the next update"
    return "never" if state.gone else _short(state.due)


def _trouble(state: FeedState | None, now: datetime) -> str:
    if state is None:
        return ""
    if state.gone:
        return "gone for good (410): take it out of feeds.yaml"
    if state.failures:
        return state.reason + (f" ({state.failures} times in a row)" if state.failures > 1 else "")
    if state.reason:
        return state.reason
    if state.address:
        return f"moved for good: write {state.address} in feeds.yaml"
    if state.last_change and now - state.last_change > SILENT:
        return f"nothing new since {state.last_change:%Y-%m-%d}"
    return ""


def _print_counts(console: Console, counts: Counts) -> None:
    console.print(f"{counts.articles} articles in {counts.stories} stories")
    for stage, number in counts.waiting.items():
        if number:
            console.print(f"{number} wait for {stage}")
    for stage, reason, number in counts.failed:
        console.print(f"{number} failed at {stage}: {escape(reason)}")
    for problem, number in counts.problems:
        console.print(f"{number} articles: {escape(problem)}")
    if counts.versions:
        console.print(f"{counts.versions} earlier versions of changed articles")


def _short(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "never"


# --- doctor ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Examined:
    """One part that was tried: `trouble` is empty where it works."""

    part: str
    found: str
    trouble: str = ""


async def doctor(
    console: Console,
    config: Config,
    url: str,
    smtp_url: str | None,
    open_fetcher: Callable[[Config], AbstractAsyncContextManager[Fetcher]],
    ask_feeds: bool,
) -> bool:
    """Tries every part and says what it found; True if all of it works."""
    parts: list[Callable[[], Examined]] = [
        lambda: Examined("configuration", f"{len(config.sources)} sources, {len(config.editions)} editions"),
        lambda: _examine_database(url),
        _examine_tagger,
        lambda: _examine_mail(config, smtp_url),
    ]
    well = True
    for part in parts:
        well &= _tell(console, await asyncio.to_thread(part))
    if ask_feeds:
        with Pool(1) as pool:
            async with open_fetcher(config) as fetcher:
                asked = [_examine_feed(fetcher, pool, source) for source in config.sources]
                for answer in asyncio.as_completed(asked):
                    well &= _tell(console, await answer)
    return well


def _tell(console: Console, one: Examined) -> bool:
    mark = "[red]FAILED[/]" if one.trouble else "[green]good[/]  "
    console.print(f"{mark} {escape(one.part)}: {escape(one.trouble or one.found)}", highlight=False, soft_wrap=True)
    return not one.trouble


def _examine_database(url: str) -> Examined:
    try:
        database = Database(url)
        found = database.check()
        database.close()
    except DigestError as error:
        return Examined("database", "", str(error))
    return Examined("database", "opens, and is whole", "" if found == "ok" else f"{found}; restore a copy")


def _examine_tagger() -> Examined:
    """A sentence of our own: the model loads, the registry links."""
    sentence = "The Cyberspace Administration of China summoned Tencent."
    tagged = tag([Text("doctor", sentence, "en")])[0]
    if isinstance(tagged, Failure):
        return Examined("tagger", "", f"{tagged.reason}; install Digest again")
    found = {mention.entity for mention in tagged.mentions}
    missing = {"agency:cn-cac", "company:tencent"} - found
    trouble = f"does not find {', '.join(sorted(missing))}; install Digest again" if missing else ""
    return Examined("tagger", "the model loads and the registry links", trouble)


def _examine_mail(config: Config, smtp_url: str | None) -> Examined:
    if smtp_url is None:
        return Examined("mail", f"no DIGEST_SMTP_URL: mails are written to {config.mail_folder} as .eml files")
    return Examined("mail", "the server answers and lets us in", smtp_check(smtp_url) or "")


async def _examine_feed(fetcher: Fetcher, runner: Runner, source: Source) -> Examined:
    answer = await fetcher.get(source.feed)
    if isinstance(answer, Failure):
        return Examined(source.name, "", answer.reason)

    async def parse_all(documents: Sequence[Document]) -> Sequence[ParsedFeed | Failure]:
        work = partial(runner.run, parse, documents, key=lambda one: one.url, size=1, deadline=PARSE_SECONDS)
        return await asyncio.to_thread(work)

    parsed = await follow((await parse_all([answer]))[0], fetcher, parse_all)
    if isinstance(parsed, Failure):
        return Examined(source.name, "", parsed.reason)
    told = f" ({', '.join(parsed.problems)})" if parsed.problems else ""
    return Examined(source.name, f"{len(parsed.entries)} entries{told}")
