"""Names that the registry does not hold: local ids, definitions in brackets, and short forms of longer names."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256

from digest.entities.evidence import modifier
from digest.entities.match import data
from digest.entities.names import fold_text, normal
from digest.entities.scene import KINDS, Name, Scene, overlapping
from digest.languages import LANGUAGES, base
from digest.records import Mention

__all__ = ["free", "is_general_word", "is_medium", "local_id", "unlisted", "with_short_forms"]

_ALIAS, _DEFINED, _SHORT, _LOCAL = "alias", "in-article definition", "short form", "local"

Resolve = Callable[[str], str | None]


def local_id(kind: str, name: str, country: str = "") -> str:
    """The id of a name in no registry: the same in every article, whatever its legal form and script variant."""
    key = "\n".join((kind, normal(name), country))
    return f"local:{kind}:{sha256(key.encode()).hexdigest()[:12]}"


def free(offered: Iterable[Mention], taken: Sequence[Mention]) -> list[Mention]:
    """Those of the offered that overlap nothing taken, nor a longer one offered."""
    covered = {place for one in taken for place in range(one.start, one.end)}
    kept: list[Mention] = []
    for one in sorted(offered, key=lambda mention: (mention.start - mention.end, mention.start)):
        if covered.isdisjoint(range(one.start, one.end)):
            covered.update(range(one.start, one.end))
            kept.append(one)
    return kept


# --- the recogniser's names -----------------------------------------------------------------------------------------

# Below these a name is left out: a company or an agency, which gets an id and is counted, needs more than another name.
_SHOWN = 0.5
# Where half of what is found is right, on the passages that the recipe holds out; an agency that no list has is rarer.
_NAMED = {"company": 0.7, "agency": 0.8}


def unlisted(scene: Scene, resolve: Resolve) -> list[Mention]:
    """The recogniser's names, as mentions; those that overlap a linked one are the caller's to drop."""
    return [one for name in scene.names if name.score >= _SHOWN and (one := _unlisted(scene, name, resolve))]


def _unlisted(scene: Scene, name: Name, resolve: Resolve) -> Mention | None:
    written = scene.text[name.start : name.end]
    kind = KINDS.get(name.label)
    plain = Mention(name.start, name.end, written, name.label, confidence=round(name.score, 3))
    if kind is None:
        return plain
    if name.score < _NAMED[kind]:
        return None
    over = overlapping(scene.found, name.start, name.end)
    if any(match.place and match.start <= name.start and name.end <= match.end for match in over):
        return replace(plain, label="PLACE")
    if len(normal(written)) < (3 if written.isascii() else 2) or _is_general(scene, name):
        return None
    listed = resolve(written)
    if kind == "company" and listed and scene.catalogue[listed].kind == kind and _is_sure(scene, listed, written):
        return replace(plain, entity=listed, name=scene.catalogue[listed].name, reason=_ALIAS)
    if is_medium(written) or _is_other(written):
        return replace(plain, label="ORG")
    if _has_undecided(scene, name):
        return plain
    return replace(plain, entity=local_id(kind, written), name=written, reason=_LOCAL)


def is_medium(written: str) -> bool:
    """Whether it is the name of a news medium, with or without its article."""
    return fold_text(written) in _media()


@cache
def _media() -> frozenset[str]:
    """News media, as texts fold them: as a source, a newspaper is no company."""
    names = [fold_text(name.strip()) for name in data("media.toml")["names"].split("|")]
    articles = ("il ", "la ", "le ", "el ", "the ", "der ", "die ", "de ", "o ", "os ")
    return frozenset(names) | {name.partition(" ")[2] for name in names if name.startswith(articles)}


@cache
def _other_words() -> tuple[re.Pattern[str], tuple[str, ...]]:
    context = data("context.toml")
    words = "|".join(fold_text(word).replace("*", r"\w*") for word in context["other_words"].split())
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)"), tuple(fold_text(word) for word in context["other_ends"].split())


def _is_other(written: str) -> bool:
    """Whether a word of the name says that it is a university, a hospital, a party, a union, a museum or a club."""
    words, ends = _other_words()
    plain = fold_text(written)
    return bool(words.search(plain)) or plain.endswith(ends)


def _is_sure(scene: Scene, entity: str, written: str) -> bool:
    plain = normal(written)
    ambiguous = {normal(name) for name in scene.catalogue[entity].ambiguous}
    return plain not in ambiguous or entity in scene.sure


def _has_undecided(scene: Scene, name: Name) -> bool:
    """A general name of the registry whose meaning the text does not tell: Ministry of Finance."""
    return any(
        match.aliases and match.start <= name.start and name.end <= match.end and modifier(scene, match) is None
        for match in overlapping(scene.found, name.start, name.end)
    )


@cache
def _general_words() -> tuple[frozenset[str], tuple[str, ...], re.Pattern[str]]:
    context = data("context.toml")
    before = "|".join(context["general_before"].split())
    words, last = (tuple(fold_text(word) for word in context[key].split()) for key in ("general", "general_last"))
    return frozenset(words), last, re.compile(before)


def _is_general(scene: Scene, name: Name) -> bool:
    """Bodies at large (地方网信部门), and "the bank", "la police": no names, or no name that means one body."""
    written = scene.text[name.start : name.end]
    words, last, before = _general_words()
    over = overlapping(scene.found, name.start, name.end)
    decoy = any(not m.aliases and not m.place and m.end == name.end and name.start <= m.start for m in over)
    spaced = LANGUAGES[base(scene.language)].spaced if base(scene.language) in LANGUAGES else True
    lower = spaced and written.lower() == written != written.upper()  # a script with capitals, and none here
    plain = fold_text(written)
    return decoy or lower or plain in words or plain.endswith(last) or bool(before.match(written))


def is_general_word(written: str) -> bool:
    """Whether it names a body at large: the police, 검찰. Beside a company it may act; elsewhere it is no name."""
    return fold_text(written) in _general_words()[0]


# --- definitions and short forms ------------------------------------------------------------------------------------

_SAID = (
    r"以下[简簡]称|以下[简簡]稱|下[称稱]|[简簡][称稱]|以下、|以下|略称|이하|약칭|далее(?:\s*[—–-])?|сокращ[её]нно|"
    r"im Folgenden|kurz|ci-après|en adelante|en lo sucesivo|doravante|di seguito|hereinafter|hereafter|"
    r"bundan sonra|kısaca|اختصارا"
)
_QUOTES = "\"“”„«»‘’'「」『』"
_DEFINITION = re.compile(
    rf"[」』»”\"]?\s?[(（](?:(?P<said>{_SAID})[\s:：]*)?[{_QUOTES}]*"
    rf"(?P<short>[^\s()（）,，、;；:：{_QUOTES}][^()（）,，、;；:：{_QUOTES}]{{0,22}}?)"
    rf"[{_QUOTES}]*(?:[,，;；、][^()（）]{{0,40}})?[)）]"
)


def with_short_forms(scene: Scene, mentions: list[Mention], resolve: Resolve) -> list[Mention]:
    """The mentions with what brackets and longer names tell: CAC after "Cyberspace Administration of China (CAC)"."""
    by_start = {mention.start: mention for mention in mentions}
    told = [_told_by_brackets(scene, mention, by_start) for mention in mentions]
    full = {(m.label, normal(m.text), m.entity): m for m in told if m.entity}
    linked = [_shortened(mention, tuple(full.values())) for mention in told]
    shorts = _definitions(scene, linked, resolve)
    found = [one for short, meant in shorts.items() for one in _occurrences(scene, short, *meant)]
    keep = [m for m in linked if m.entity is not None and m.reason != _LOCAL]
    rest = [m for m in linked if m.entity is None or m.reason == _LOCAL]
    new = free(found, keep)
    return [*keep, *new, *free(rest, [*keep, *new])]


def _told_by_brackets(scene: Scene, mention: Mention, by_start: Mapping[int, Mention]) -> Mention:
    """A full name in no registry is who the name in brackets after it is: Avrupa İlaç Ajansı (EMA)."""
    if mention.reason != _LOCAL:
        return mention
    opened = re.compile(r"\s?[(（]\s?").match(scene.text, mention.end)
    other = by_start.get(opened.end()) if opened else None
    if other is None or other.label != mention.label or other.entity not in scene.catalogue:
        return mention
    return replace(mention, entity=other.entity, name=other.name, reason=_DEFINED)


_MANY_NAMES = 500  # a text with more names is a directory, where nothing stands for anything


def _shortened(mention: Mention, full: Sequence[Mention]) -> Mention:
    """A name in no registry that shortens a longer one means the same: Hindenburg for Hindenburg Research."""
    if mention.reason not in {_LOCAL, ""} or mention.label not in KINDS or len(full) > _MANY_NAMES:
        return mention
    short = normal(mention.text)
    longer = {m.entity: m for m in full if m.label == mention.label and _is_short_of(short, normal(m.text))}
    if not longer and mention.label == "AGENCY":
        linked = (m for m in full if m.label == "AGENCY" and m.reason not in {_LOCAL, ""})
        longer = {m.entity: m for m in linked if _abbreviates(short, normal(m.text))}
    if len(longer) != 1:
        return mention
    meant = next(iter(longer.values()))
    return replace(mention, entity=meant.entity, name=meant.name, reason=_SHORT)


def _is_short_of(short: str, longer: str) -> bool:
    if len(short) >= len(longer):
        return False
    if short[-1] > "\u2fff":
        return len(short) > 1 and (longer.startswith(short) or (len(short) > 2 and longer.endswith(short)))
    return longer.startswith(short + " ")


def _abbreviates(short: str, longer: str) -> bool:
    """药管局 for 欧洲药品管理局: Chinese characters of the longer name, in their order."""
    if not 3 <= len(short) < len(longer) or not all("\u4e00" <= letter <= "\u9fff" for letter in short):
        return False
    letters = iter(longer)
    return all(letter in letters for letter in short)


_MANY_SHORTS = 200


def _definitions(scene: Scene, mentions: Sequence[Mention], resolve: Resolve) -> Mapping[str, tuple[Mention, int]]:
    """Short names that the text introduces in brackets, with the mention that they stand for and where."""
    shorts: dict[str, tuple[Mention, int]] = {}
    for mention in mentions:
        if mention.entity is None or mention.label not in KINDS or len(shorts) > _MANY_SHORTS:
            continue
        defined = _DEFINITION.match(scene.text, mention.end)
        if defined is None or _is_ticker(scene, mention, defined):
            continue
        if _may_stand_for(defined["short"], mention, bool(defined["said"]), resolve):
            shorts.setdefault(defined["short"], (mention, defined.start("short")))
    return shorts


def _is_ticker(scene: Scene, mention: Mention, defined: re.Match[str]) -> bool:
    """Azimut (AZM): letters by which a stock exchange knows a company, which the text does not call it by."""
    short = defined["short"]
    initials = "".join(word[0] for word in fold_text(mention.text).split())
    listed = mention.label == "COMPANY" and not defined["said"] and short.isascii() and short.isupper()
    return listed and fold_text(short) != initials[: len(short)] and scene.text.count(short) == 1


def _may_stand_for(short: str, mention: Mention, said: bool, resolve: Resolve) -> bool:
    if resolve(short) not in {None, mention.entity} or short.isdecimal() or len(short) >= len(mention.text) + 8:
        return False
    if said:
        return len(short) > 1
    if short.isupper() and short.isascii() and 2 <= len(short) <= 8 and not mention.text.isascii():
        return True  # nothing to compare: the letters are another language's
    return _is_acronym(short, mention.text)


def _is_acronym(short: str, full: str) -> bool:
    """AdlC for Autorité de la concurrence: its letters in their order, beginning with a word's first."""
    if not 2 <= len(short) <= 8 or " " in short or sum(map(str.isupper, short)) < 2:
        return False
    letters = iter(fold_text(full))
    begins = fold_text(short)[:1] in {word[:1] for word in fold_text(full).split()}
    return begins and all(letter in letters for letter in fold_text(short))


def _occurrences(scene: Scene, short: str, full: Mention, defined_at: int) -> Iterator[Mention]:
    before, after = (r"(?<!\w)", r"(?![A-Za-z0-9])") if short.isascii() else ("", "")
    for found in re.finditer(before + re.escape(short) + after, scene.text):
        if found.start() >= defined_at:
            reason = _DEFINED if found.start() == defined_at else _SHORT
            yield replace(full, start=found.start(), end=found.end(), text=short, reason=reason, confidence=0.85)
