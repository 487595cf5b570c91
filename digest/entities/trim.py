"""Where a name really begins and ends: without articles, quotes around it, punctuation and possessives."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from digest.entities.names import inflection
from digest.entities.tagger import Found

__all__ = ["joined", "trimmed"]

KINDS = frozenset(("COMPANY", "AGENCY"))
PAIRS = {
    "(": ")",
    "（": "）",
    "[": "]",
    "«": "»",
    "“": "”",
    "„": "“",
    "‘": "’",
    "「": "」",
    "『": "』",
    "《": "》",
    "〈": "〉",
    '"': '"',
    "'": "'",
}
OPENERS = {closer: opener for opener, closer in PAIRS.items()}
LOOSE = frozenset(".,;:!?。、，；：！？…·・-–—|/\\*#@_~،؛؟•→") | frozenset(PAIRS) | frozenset(OPENERS)
# Endings whose full stop belongs to the name.
DOTTED = (
    "Inc.",
    "Corp.",
    "Ltd.",
    "Co.",
    "Bros.",
    "S.A.",
    "S.p.A.",
    "N.V.",
    "B.V.",
    "A.Ş.",
    "Jr.",
    "Sr.",
    "e.V.",
    "S.L.",
    "U.S.",
    "U.K.",
    "D.C.",
    "C.V.",
    "S.r.l.",
    "Ltda.",
    "Cía.",
)
# Turkish case endings behind the apostrophe that sets them off a name.
TURKISH_ENDING = re.compile(
    r"(?<=\w)['’](?:[yn]?[iıuüaeİIUÜAE]|[yn]?[iıuüİIUÜ]n|n[iıuüİIUÜ]n|[dt][ae]n?|[DT][AE]N?|[yn][dt]?[ae]n?|l[ae]|yl[ae]|nda|nde|N[DT]?[AE]N?|N[İIUÜ]N)$"
)
# Particles that no name ends with: 를 and 는 behind a vowel, 을 and 은 behind a consonant (each 28th syllable is open).
HANGUL = re.compile("[가-힣]")
OPEN = "".join(chr(code) for code in range(ord("가"), ord("힣"), 28))
KOREAN_PARTICLE = re.compile(f"[가-힣](?:(?<=[{OPEN}])[를는]|(?<![{OPEN}])[을은])$")
POSSESSIVES = ("'s", "’s", "'S", "’S")
# fmt: off
OWN_POSSESSIVES = frozenset((
    "mcdonald", "sainsbury", "moody", "macy", "lowe", "kohl", "wendy", "levi", "domino", "sotheby", "christie",
    "lloyd", "denny", "arby", "kellogg", "campbell", "dick", "trader", "hershey", "morrison", "pandora", "papa",
    "tod", "hermann",
))
ARTICLES = frozenset((
    "the", "der", "die", "das", "den", "dem", "des", "la", "le", "les", "el", "los", "las", "il", "lo", "gli",
    "i", "o", "a", "os", "as", "de", "het", "al", "un", "une", "una", "ein", "eine",
))
# fmt: on
ELIDED = ("l'", "l’", "d'", "d’", "dell'", "all'", "nell'", "un'")
# A capital article opens a sentence; before an agency's name it is never part of it, before a company's sometimes.
CAPITAL_ARTICLES = {
    "AGENCY": frozenset(article.capitalize() for article in ARTICLES),
    "COMPANY": frozenset(("Der", "Die", "Das")),
}
CAPITAL_ELIDED = ("L'", "L’")


def _without_loose_ends(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end:
        first, last = text[start], text[end - 1]
        inner = text[start + 1 : end - 1]
        if end - start > 1 and PAIRS.get(first) == last and first not in inner:
            start, end = start + 1, end - 1
        elif first.isspace() or (first in LOOSE and (first not in PAIRS or PAIRS[first] not in inner + last)):
            start += 1
        elif last.isspace() or (last in LOOSE and not _belongs(text, start, end)):
            end -= 1
        else:
            break
    return start, end


def _belongs(text: str, start: int, end: int) -> bool:
    """Whether the last character is part of the name: it closes what opened inside, or ends an abbreviation."""
    last, inner = text[end - 1], text[start : end - 1]
    return text[start:end].endswith(DOTTED) or (last in OPENERS and OPENERS[last] in inner)


def _without_article(text: str, start: int, end: int, label: str) -> int:
    name = text[start:end]
    word, gap, rest = name.partition(" ")
    if gap and rest and (word in ARTICLES or word in CAPITAL_ARTICLES.get(label, ())):
        return start + len(word) + 1
    for elided in ELIDED + (CAPITAL_ELIDED if label == "AGENCY" else ()):
        if name.startswith(elided) and len(name) > len(elided):
            return start + len(elided)
    return start


# Legal forms that Russian and Ukrainian set before the quoted name: they belong to it, and are none by themselves.
CYRILLIC_FORM = re.compile("(?:ООО|ПАО|АО|ЗАО|ОАО|НАО|ТОО|ТОВ|ПрАТ|ПАТ|АТ|ФГУП|ГУП|МУП|ДП|КП)")
BEFORE_QUOTE = re.compile(rf"(?<!\w)({CYRILLIC_FORM.pattern})\s?[«„\"]$")

# What a company is, written small before its name: "le groupe Arvalis", компания «Северпром».
# fmt: off
DESCRIPTORS = frozenset((
    "groupe", "société", "entreprise", "gruppo", "società", "azienda", "colosso", "empresa", "compañía", "grupo",
    "companhia", "spółka", "spółki", "firma", "firmy", "koncern", "компания", "компании", "компанию", "компанией",
    "концерн", "концерна", "холдинг", "холдинга", "компанія", "компанії", "компанію", "концерну", "concern", "bedrijf",
    "konzern", "şirketi", "شركة", "لشركة", "وشركة", "بشركة",
))
# fmt: on


def _without_descriptor(text: str, start: int, end: int, label: str) -> int:
    word, gap, rest = text[start:end].partition(" ")
    return start + len(word) + 1 if label == "COMPANY" and gap and rest and word in DESCRIPTORS else start


# A post behind a body's or a firm's name, which Chinese and Japanese write onto it: NCC主委, 公取委委員長.
TITLE = re.compile(
    "(?:副?(?:主委|主任委員|主席|局長|局长|部長|部长|署長|署长|院長|院长|社長|会長|會長|会长|总裁|總裁|董事長|董事长|总经理|總經理|委員長|委员长)|発言人|发言人|發言人)$"
)


def _without_title(name: Found, text: str, start: int, end: int) -> int:
    title = TITLE.search(text, start, end) if name.label in KINDS else None
    return title.start() if title and title.start() - start > 1 else end


HANGUL_RUN = re.compile("[가-힣]*")


@cache
def _korean_particles() -> re.Pattern[str]:
    return re.compile(inflection("ko").particles)


def _without_broken_word(text: str, start: int, end: int) -> int:
    """A Korean name that ends within a word, not before a particle, ends before that word: 한미약품 | 항암|제."""
    gap = text.rfind(" ", start, end)
    if gap < 0 or not HANGUL.match(text[end - 1]):
        return end
    rest = HANGUL_RUN.match(text, end)
    return end if rest is None or _korean_particles().fullmatch(rest[0]) else gap


def _without_possessive(text: str, start: int, end: int) -> int:
    name = text[start:end]
    if KOREAN_PARTICLE.search(name) and not HANGUL.match(text[end : end + 1]):
        return end - 1
    if ending := TURKISH_ENDING.search(name):
        return start + ending.start()
    if name.endswith(POSSESSIVES) and name[:-2].split(" ")[-1].lower() not in OWN_POSSESSIVES:
        return end - 2
    return end


def trimmed(text: str, found: Found) -> Found | None:
    """The name between its real edges; None if nothing is left."""
    start, end = _without_loose_ends(text, found.start, found.end)
    start = _without_article(text, start, end, found.label)
    start = _without_descriptor(text, start, end, found.label)
    end = _without_broken_word(text, start, end)
    end = _without_title(found, text, start, _without_possessive(text, start, end))
    start, end = _without_loose_ends(text, start, end)
    if start >= end or CYRILLIC_FORM.fullmatch(text, start, end):
        return None
    return replace(found, start=start, end=end)


# --- names in several parts -----------------------------------------------------------------------------------------

QUOTED = re.compile(r"«([^«»\n]{2,60})»|„([^„”“\n]{2,60})[”“]|「([^「」\n]{2,40})」")
LEGAL_FORM = re.compile(
    r"(?:S\.p\.A\.|S\.r\.l\.|SpA|Srl|GmbH|AG|KG|SE|Inc\.?|Ltd\.?|LLC|LLP|PLC|plc|S\.?A\.?|SAS|SARL|N\.?V\.?|B\.?V\.?|"
    r"A\.Ş\.|Sp\. z o\.o\.|Şti\.|Limited Şirketi|Anonim Şirketi)$"
)
TURKISH_BODY = re.compile(
    r"(?:Mahkemesi|Bakanlığı|Kurumu|Kurulu|Başkanlığı|Müdürlüğü|Dairesi|Komisyonu|Ajansı|Bankası)$"
)


def joined(text: str, names: Sequence[Found]) -> list[Found]:
    """The names, with those made one that the tagger broke: side by side, or inside one pair of quotation marks."""
    whole: list[Found] = []
    for name in _in_quotes(text, names):
        last = whole[-1] if whole else None
        if last and last.label == name.label and name.label in KINDS and _goes_on(text, last, name):
            whole[-1] = replace(last, end=name.end, score=max(last.score, name.score))
        else:
            whole.append(name)
    return whole


def _goes_on(text: str, last: Found, name: Found) -> bool:
    """Side by side without a comma they are one; with "and" between, only if a legal form ends the second alone."""
    between = text[last.end : name.start]
    if between in {"", " "}:
        return not text.startswith("و", name.start)  # "and", written on the next name
    first, second = text[last.start : last.end], text[name.start : name.end]
    ends = LEGAL_FORM if name.label == "COMPANY" else TURKISH_BODY
    return between in {" & ", " ve "} and bool(ends.search(second)) and not ends.search(first)


def _in_quotes(text: str, names: Sequence[Found]) -> list[Found]:
    """A company that begins or ends with a pair of quotation marks fills it: «ЛСР. Строительство-Урал»."""
    quoted = [match.span(match.lastindex or 1) for match in QUOTED.finditer(text)] if names else []
    kept: list[Found] = []
    for name in names:
        around = next((q for q in quoted if q[0] <= name.start and name.end <= q[1]), None)
        if name.label == "COMPANY" and around and (name.start == around[0] or name.end == around[1]):
            if kept and kept[-1].end >= around[1]:  # the other part of the name filled it already
                continue
            name = replace(name, start=around[0], end=around[1])  # noqa: PLW2901
            if form := BEFORE_QUOTE.search(text, max(0, name.start - 7), name.start):
                name = replace(name, start=form.start(), end=name.end + 1)  # noqa: PLW2901
        kept.append(name)
    return kept
