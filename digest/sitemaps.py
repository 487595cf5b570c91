"""Follows an index of sitemaps to its news: the fetching that a stage may not do."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace

from digest.edges.fetch import Fetcher
from digest.records import Document, Entry, Failure, ParsedFeed, Retry

__all__ = ["follow"]

# Documents asked for one index, indexes inside it included.
MOST_ASKED = 5

Parse = Callable[[Sequence[Document]], Awaitable[Sequence[ParsedFeed | Failure]]]


async def follow(read: ParsedFeed | Failure, fetcher: Fetcher, parse: Parse) -> ParsedFeed | Failure:
    """What was read, with the entries of the sitemaps that it leads to. A Failure where none of them holds news.

    `sitemaps` of the outcome are those whose entries it has.
    """
    if isinstance(read, Failure) or not read.sitemaps:
        return read
    found, failures = await _ask_all(read.sitemaps, fetcher, parse)
    if not found:
        unanswered = next((failure for failure in failures if failure.retry is Retry.LATER), None)
        return replace(unanswered, id=read.url) if unanswered else Failure(read.url, "parse", "sitemap without news")
    entries = _different(entry for part in found for entry in part.entries)
    languages = {entry.language for entry in entries}
    return replace(
        read,
        title=next((part.title for part in found if part.title != part.url), read.title),
        language=languages.pop() if len(languages) == 1 else None,
        entries=tuple(replace(entry, feed=read.url) for entry in entries),
        problems=("part of the sitemap unavailable",) if any(f.retry is Retry.LATER for f in failures) else (),
        sitemaps=tuple(part.url for part in found),
    )


async def _ask_all(links: Sequence[str], fetcher: Fetcher, parse: Parse) -> tuple[list[ParsedFeed], list[Failure]]:
    """The news sitemaps, in the order in which they were asked, and what failed."""
    waiting, asked = list(links), set[str]()
    found: list[ParsedFeed] = []
    failures: list[Failure] = []
    while waiting and len(asked) < MOST_ASKED:
        link = waiting.pop(0)
        if link in asked:
            continue
        asked.add(link)
        answer = await fetcher.get(link)
        part = answer if isinstance(answer, Failure) else (await parse([answer]))[0]
        if isinstance(part, Failure):
            failures.append(part)
        elif part.sitemaps:
            waiting = [*part.sitemaps, *waiting]
        else:
            found.append(part)
    return found, failures


def _different(entries: Iterable[Entry]) -> list[Entry]:
    return list({entry.id: entry for entry in entries}.values())
