"""An article read again: what its source changed in title and text, in any language, and what is no change."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from digest.languages import LANGUAGES, base, sentences, shorten
from digest.records import Article, Change
from digest.stages.walls import FEED_TEXT_USED, PARTS_MISSING, PAYWALL

__all__ = ["revise"]

MOST_CHANGES = 50
LONGEST_CHANGE = 2_000  # characters of each side that are shown
# More comparisons of sentences than this are not made: what lies between the common beginning and end is one change.
MOST_PAIRS = 250_000
# Without the end of a sentence: times, counters of comments and the like; and headings, buttons, labels.
LONGEST_STAMP, LONGEST_LABEL = 80, 40
# A page that lost more than this and gained nothing was cut off: for subscribers, or to a stub.
MOST_LOST = 0.5


def revise(earlier: Article, found: Article) -> Article:
    """The new reading with what was changed, or the earlier one, which then stands.

    A reading that got less of the page than the one before is none; one that got more is taken, and is no change of the
    source's. The date of publication stays.
    """
    better = _rank(found) - _rank(earlier)
    if better < 0:
        found = replace(found, text=earlier.text, language=earlier.language, problems=earlier.problems, next_page="")
    changes = _title_changes(earlier, found) + (_text_changes(earlier, found) if better == 0 else ())
    if not changes and better <= 0:
        return replace(earlier, stands=True)
    dated = (
        (earlier.published, earlier.published_from) if earlier.published else (found.published, found.published_from)
    )
    return replace(found, changes=changes, published=dated[0], published_from=dated[1])


def _rank(article: Article) -> int:
    """How much of its page was read."""
    if FEED_TEXT_USED in article.problems:
        return 0
    return 1 if {PAYWALL, PARTS_MISSING} & set(article.problems) else 2


def _title_changes(earlier: Article, found: Article) -> tuple[Change, ...]:
    if not found.title or _key(earlier.title) == _key(found.title):
        return ()
    return (Change("title", earlier.title, found.title),)


def _key(text: str) -> str:
    """What is compared of a text: letters and digits, whatever their form and case."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).casefold())


# --- the text -------------------------------------------------------------------------------------------------------

_Span = tuple[int, int]


def _text_changes(earlier: Article, found: Article) -> tuple[Change, ...]:
    before, after = earlier.text, found.text
    old, new = sentences(before, earlier.language), sentences(after, found.language)
    old_keys, new_keys = (
        [_key(text[start:end]) for start, end in spans] for text, spans in ((before, old), (after, new))
    )
    had, has = frozenset(old_keys), frozenset(new_keys)
    changes = []
    for (a, b), (c, d) in _differences(old_keys, new_keys):
        # What only moved is in both, and says nothing new.
        gone = [span for span, key in zip(old[a:b], old_keys[a:b], strict=True) if key not in has]
        come = [span for span, key in zip(new[c:d], new_keys[c:d], strict=True) if key not in had]
        lost, gained = _told(before, gone, earlier.language), _told(after, come, found.language)
        if lost or gained:
            changes.append(Change("text", lost, gained))
    if len(after) < MOST_LOST * len(before) and not any(change.after for change in changes):
        return ()
    return tuple(changes[:MOST_CHANGES])


def _differences(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[_Span, _Span]]:
    """Where two lists differ: ranges of the one and of the other."""
    shorter = min(len(old), len(new))
    start = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    end = next((i for i in range(shorter - start) if old[-1 - i] != new[-1 - i]), shorter - start)
    a, b = old[start : len(old) - end], new[start : len(new) - end]
    if len(a) * len(b) > MOST_PAIRS:
        yield (start, len(old) - end), (start, len(new) - end)
        return
    for kind, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind != "equal":
            yield (start + i, start + j), (start + k, start + m)


def _told(text: str, spans: Sequence[_Span], language: str) -> str:
    """The passage that holds the sentences; "" where they are but times, counters and labels."""
    real = [span for span in spans if not _is_trifle(text[span[0] : span[1]], language)]
    return shorten(text[real[0][0] : real[-1][1]], LONGEST_CHANGE) if real else ""


def _is_trifle(sentence: str, language: str) -> bool:
    row = LANGUAGES.get(base(language))
    bare = sentence.rstrip("\"'”’»)]）」』】》〉 ")
    if not _key(sentence):
        return True
    if bare and bare[-1] in (row.sentence_ends if row else ".!?…。！？"):
        return False
    stamped = len(sentence) <= LONGEST_STAMP and any(map(str.isdecimal, sentence))
    return stamped or len(sentence) <= LONGEST_LABEL
