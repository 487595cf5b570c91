"""Country words around an agency's name that are no part of it: US | Department of Justice, وزارة العدل | الأمريكية."""

import re
from collections.abc import Mapping
from functools import cache

from digest.entities.catalogue import catalogue
from digest.entities.match import data
from digest.entities.names import normal
from digest.languages import base

__all__ = ["without_country"]

_ABBREVIATED = frozenset(("US", "U.S.", "USA", "U.S.A.", "UK", "U.K.", "EUA", "ABD", "США", "EE.UU."))
# English writes nouns before a name too, and there they belong to it: Korea Fair Trade Commission.
_ENGLISH_ADJECTIVE = re.compile(r"[A-Z][a-z]+(?:an|ian|ese|ish|ch|sh|li|qi|ti|ss|ek|eli|ani|mi|wi|ean)")
_DUTCH_ADJECTIVE = re.compile(r"[A-Z][a-z]+(?:se|ische)")
# fmt: off
_ENGLISH_NOUNS = frozenset((
    "Japan", "Taiwan", "Iran", "Oman", "Jordan", "Sudan", "Pakistan", "Afghanistan", "Azerbaijan",
    "Kazakhstan", "Kyrgyzstan", "Tajikistan", "Amman", "Yerevan", "Bishkek", "Kigali", "Teheran",
    "Turkmenistan", "Uzbekistan", "Bangladesh", "Vatican",
))
# fmt: on
# Languages that set the country as a noun before the name, and their home country.
_NOUN_BEFORE: Mapping[str, str] = {"ko": "KR", "tr": "TR"}
# "Finance ministry, the American one": behind other names an adjective is part of them (Banque centrale européenne).
_MINISTRY = re.compile(
    r"(?:ال)?(?:وزارة|وزارتي)\s|(?:Ministère|Département|Secrétariat|Minist[eé]rio|Ministero|Departamento|Dipartimento|"
    r"Secretar[ií]a|Tesoro|Trésor)\s",
    re.IGNORECASE,
)
_ARAB_ADJECTIVE = re.compile(
    "ال(?:عراقي|كويتي|قطري|بحريني|عماني|يمني|أردني|لبناني|سوري|فلسطيني|مصري|سوداني|ليبي|تونسي|جزائري|مغربي|موريتاني|سعودي|إماراتي|"
    "أمريكي|أميركي|بريطاني|فرنسي|ألماني|إيطالي|إسباني|روسي|صيني|هندي|ياباني|تركي|إيراني|إسرائيلي|كوري|أوكراني)ة?"
)
_ADJECTIVE_AFTER = frozenset({"ar", "fr", "es", "it", "pt"})


def without_country(text: str, start: int, end: int, language: str) -> tuple[int, int]:
    """The span of an agency's name without a country word that only says whose it is."""
    written = text[start:end]
    first, gap, rest = written.partition(" ")
    if gap and _is_possessive(first):
        return start + len(first) + 1, end
    if gap and _stands_before(first, base(language)) and not _needs(written, rest):
        return start + len(first) + 1, end
    rest, gap, last = written.rpartition(" ")
    if (
        gap
        and base(language) in _ADJECTIVE_AFTER
        and (last in _country_words() or _ARAB_ADJECTIVE.fullmatch(last))
        and _MINISTRY.match(rest)
    ):
        return start, start + len(rest.rstrip())
    return start, end


def _is_possessive(word: str) -> bool:
    """India's | Enforcement Directorate."""
    return word[-2:] in {"'s", "’s"} and word[:-2] in _country_words()


def _stands_before(word: str, code: str) -> bool:
    if code == "nl" and _DUTCH_ADJECTIVE.fullmatch(word):
        return True
    if word in _ABBREVIATED or (code != "en" and _is_adjective(word)):
        return True
    if word not in _country_words():
        return False
    if code in _NOUN_BEFORE:
        return word in _foreign_words(_NOUN_BEFORE[code])
    if code == "en":
        return word not in _ENGLISH_NOUNS and bool(_ENGLISH_ADJECTIVE.fullmatch(word))
    return False


_ENDING = 3  # letters that cases may add to an adjective's stem


def _is_adjective(word: str) -> bool:
    """Whether a word written small is a country's adjective in some case: deutsche, российского."""
    return word[0].islower() and any(word[: len(word) - cut] in _adjective_stems() for cut in range(_ENDING + 1))


@cache
def _adjective_stems() -> frozenset[str]:
    return frozenset(word[: max(5, len(word) - 2)] for word in _country_words() if word[0].islower())


def _needs(whole: str, rest: str) -> bool:
    """Whether the rest is no name: Australian Taxation Office is one in the registry, Taxation Office is none."""
    if rest.casefold().startswith(("minist", "depart", "министер", "міністер")):
        return False
    return normal(rest) not in _agency_names() and (normal(whole) in _agency_names() or " " not in rest)


@cache
def _agency_names() -> frozenset[str]:
    return frozenset(normal(name) for entity in catalogue() if entity.kind == "agency" for _, name in entity.aliases())


@cache
def _foreign_words(home: str) -> frozenset[str]:
    """Names of countries other than the home country, where a city belongs to its office, and other than Europe."""
    rows = data("places.toml")
    return frozenset(
        word for country, row in rows.items() if country not in {home, "EU"} for word in row["names"].split()
    )


@cache
def _country_words() -> frozenset[str]:
    return frozenset(word for row in data("places.toml").values() for word in row["names"].split())
