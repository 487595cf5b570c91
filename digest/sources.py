"""`digest sources`: finds feeds, and takes lists of them in and out."""

import asyncio
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Annotated, Literal

import typer

from digest import config as configuration
from digest.config import Config, FetchSettings
from digest.discovery import Discovered, Discovery, find
from digest.edges.addresses import AddressError, Allowlist, http_url
from digest.edges.feedsfile import add_sources, as_yaml, replace_file
from digest.edges.fetch import Fetcher, FetchOptions
from digest.edges.pool import Pool
from digest.errors import ConfigError, DigestError
from digest.languages import shorten
from digest.records import Document, Failure, Source
from digest.stages.markup import host
from digest.stages.opml import Outline, Outlines, read_opml, write_opml

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Find the feeds of a site; take lists of feeds in and out.")

ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The configuration.", envvar="DIGEST_CONFIG")]
DEFAULT_CONFIG = Path("feeds.yaml")

MAX_BYTES = 20_000_000
READ_SECONDS = 60.0
LONGEST_TITLE, LONGEST_SITE = 120, 60  # of a name made of both, which may have 200 characters
# Lines printed of one outcome; a list of a hundred thousand is told by its numbers.
MOST_TOLD = 200

_LOGIN = re.compile(r"[^/?#]*//[^/?#]*@")

Outcome = Literal["added", "duplicate", "refused"]


# --- in --------------------------------------------------------------------------------------------------------------


@app.command(name="import")
def import_(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE.opml", help="A list of feeds, as feed readers export it.")],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Add the feeds of an OPML file to feeds.yaml, which keeps its comments and its order."""
    settings = configuration.load(config)
    read = _read(path, _now(context)())
    judged = list(_judge(read.outlines, settings))
    added = tuple(source for one in judged if (source := one.source))
    if added:
        add_sources(config, added, lambda new: _check(new, settings, added))
    _report(judged, read.dropped)
    if read.dropped or any(one.outcome == "refused" for one in judged):
        raise typer.Exit(1)


def _read(path: Path, now: datetime) -> Outlines:
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DigestError(str(path), f"the file cannot be read ({error.strerror})", "name an OPML file") from error
    if len(body) > MAX_BYTES:
        raise DigestError(str(path), "the file is larger than 20 MB", "split it")
    document = Document(str(path), "", 200, {}, body, now)
    with Pool(1) as pool:
        read = pool.run(read_opml, [document], key=lambda one: one.url, size=1, deadline=READ_SECONDS)[0]
    if isinstance(read, Failure):
        raise DigestError(str(path), read.reason, "export the list once more from your feed reader as OPML")
    return read


@dataclass(frozen=True, slots=True)
class _Judged:
    """One line of the list: `source` where it is added, else `why` it is not."""

    outcome: Outcome
    outline: Outline
    why: str = ""
    source: Source | None = None


def _judge(outlines: Sequence[Outline], settings: Config) -> Iterator[_Judged]:
    allowed = Allowlist.parse(settings.fetch.allow_hosts)
    known = {_same(source.feed): source.name for source in settings.sources}
    names = {source.name for source in settings.sources}
    for outline in outlines:
        if why := _objection(outline, allowed):
            yield _Judged("refused", outline, why)
        elif (key := _same(outline.feed)) in known:
            yield _Judged("duplicate", outline, f"as {known[key]}")
        else:
            name = _free_name(outline.name, outline.feed, names)
            names.add(name)
            known[key] = name
            yield _Judged("added", outline, "", Source(name, outline.feed, outline.language, tags=outline.tags))


def _objection(outline: Outline, allowed: Allowlist) -> str:
    if not outline.feed:
        return "it names no feed; `digest sources find` may find one"
    if _shown(outline.feed) != outline.feed:
        return "it holds a user name or a password"
    try:
        address = http_url(outline.feed)
    except AddressError as error:
        forbidden = error.args == ("forbidden scheme",)
        return "only http and https addresses are read" if forbidden else "this is no address that can be asked"
    return "" if allowed.admits_written(address) else "private address; allow it with fetch.allow_hosts"


def _shown(address: str) -> str:
    """The address as it may stand in a terminal's log: not where it holds a password."""
    return "(address not shown)" if _LOGIN.match(address) else address


def _same(feed: str) -> str:
    """What addresses of one feed have in common: servers send http to https, and care little for a last slash."""
    with suppress(AddressError):  # the check of feeds.yaml is less strict
        feed = str(http_url(feed))
    return feed.partition("://")[2].rstrip("/")


def _free_name(title: str, feed: str, taken: set[str]) -> str:
    title, site = shorten(title, LONGEST_TITLE), host(feed)[:LONGEST_SITE]
    tries = (title or site, f"{title} ({site})" if title else site)
    numbered = (f"{tries[1]} {number}" for number in count(2))
    return next((name for name in tries if name not in taken), "") or next(n for n in numbered if n not in taken)


def _check(new: Path, before: Config, added: tuple[Source, ...]) -> None:
    """The new file must say what the old one did, and the sources besides."""
    remedy = "nothing was changed; write the last source plainly, on lines of its own, or import fewer feeds"
    try:
        after = configuration.load(new)
    except ConfigError as error:
        raise ConfigError(
            str(before.path), f"with these sources it would be wrong ({error.args[1]})", remedy
        ) from error
    if after != replace(before, path=new, sources=before.sources + added):
        raise ConfigError(str(before.path), "there is no safe place for more sources in it", remedy)


def _report(judged: Sequence[_Judged], dropped: int) -> None:
    counts = Counter(one.outcome for one in judged)
    told: Counter[Outcome] = Counter()
    for one in judged:
        told[one.outcome] += 1
        if told[one.outcome] <= MOST_TOLD:
            print(f"{one.outcome:9}  {_line(one)}")
    for outcome, number in counts.items():
        if number > MOST_TOLD:
            print(f"{outcome:9}  and {number - MOST_TOLD} more")
    if dropped:
        print(f"refused    {dropped} lines beyond the first {len(judged)}; split the file")
    print(f"{counts['added']} added, {counts['duplicate']} duplicate, {counts['refused'] + dropped} refused")


def _line(one: _Judged) -> str:
    if one.source:
        return f"{one.source.name}  {one.source.feed}"
    where = _shown(one.outline.feed or one.outline.page)
    return f"{one.outline.name or 'without a name'}  {where[:200]}: {one.why}"


# --- out -------------------------------------------------------------------------------------------------------------


@app.command()
def export(
    context: typer.Context,
    path: Annotated[Path | None, typer.Argument(metavar="[FILE.opml]", help="Where to; without it, to stdout.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Write the sources of feeds.yaml as OPML, for feed readers."""
    sources = configuration.load(config).sources
    body = write_opml(sources, _now(context)())
    if path is None:
        print(body.decode(), end="")
        return
    if path.resolve() == config.resolve():
        raise DigestError(str(path), "this is the configuration itself", "name another file, e.g. sources.opml")
    replace_file(path, body)
    print(f"{path}: {len(sources)} sources")


# --- finding ---------------------------------------------------------------------------------------------------------


@app.command(name="find")
def find_(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="URL", help="A site, one of its pages, or a feed.")],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Look for the feeds of a site, read each, and show the lines for feeds.yaml."""
    settings = configuration.load(config) if config.exists() or config != DEFAULT_CONFIG else None
    url = address if "://" in address else f"https://{address}"
    print(f"looking at {_shown(url)} ...", file=sys.stderr, flush=True)
    with Pool(1) as pool:
        result = asyncio.run(_find(url, settings, pool, _now(context)))
    if isinstance(result, Failure):
        raise DigestError(
            _shown(url), result.reason, "look on the site for a feed, or try the page of one of its sections"
        )
    listed = {_same(source.feed): source.name for source in settings.sources} if settings else {}
    _show(result, listed)


async def _find(url: str, settings: Config | None, pool: Pool, now: Callable[[], datetime]) -> Discovery | Failure:
    fetch: FetchSettings | None = settings.fetch if settings else None
    options = FetchOptions(configuration.user_agent())
    if fetch:
        options = FetchOptions(
            configuration.user_agent(fetch.contact),
            fetch.allow_hosts,
            deadline=fetch.deadline.total_seconds(),
            delay=fetch.delay.total_seconds(),
            proxy=fetch.proxy,
        )
    async with Fetcher(options, now) as door:
        return await find(url, door, pool)


def _show(result: Discovery, listed: dict[str, str]) -> None:
    """As YAML: what is to be known of each feed is a comment above its lines."""
    names = set(listed.values())
    for one in result.found:
        print(f"  # {_told(one)}")
        if name := listed.get(_same(one.link)):
            print(f"  # in feeds.yaml already, as {name}: {one.link}\n")
            continue
        name = _free_name(one.title, one.link, names)
        names.add(name)
        print(as_yaml(Source(name, one.link, one.language), flow=False, indent="  "))
    if result.untried:
        print(f"  # {result.untried} more addresses that the site names were not tried; name one of them to see it")


def _told(one: Discovered) -> str:
    kind = f"{one.kind} of readers' comments" if one.for_comments else one.kind
    newest = f", the newest of {one.newest:%Y-%m-%d}" if one.newest else ""
    return f"{kind}, {one.language or 'language unknown'}, {one.entries} entries{newest} ({one.origin})"


def _now(context: typer.Context) -> Callable[[], datetime]:
    """The program's one clock, which the command line hands down."""
    clock: Callable[[], datetime] = context.obj
    return clock
