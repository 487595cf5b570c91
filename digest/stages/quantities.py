"""Numbers and dates of a text in one normal form, whatever the language: they agree where reports of one event do."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from digest.languages import LANGUAGES, base

__all__ = ["month_number", "numbers", "quantities"]

# Powers of ten. The long scale of continental Europe and the short one of English and Brazil use the same words for
# different numbers, so a few words depend on the language.
_SCALES = {
    "thousand": 3, "tausend": 3, "tsd": 3, "mille": 3, "mil": 3, "mila": 3, "тыс": 3, "тысяч": 3, "тысячи": 3, "тис": 3,
    "тисяч": 3, "tys": 3, "tysięcy": 3, "tysiące": 3, "bin": 3, "duizend": 3, "ألف": 3, "آلاف": 3, "千": 3, "천": 3,
    "k": 3,
    "million": 6, "millions": 6, "millionen": 6, "mio": 6, "mln": 6, "m": 6, "mn": 6, "millón": 6, "millones": 6,
    "milhão": 6, "milhões": 6, "milione": 6, "milioni": 6, "млн": 6, "миллион": 6, "миллиона": 6, "миллионов": 6,
    "мільйон": 6, "мільйона": 6, "мільйонів": 6, "milion": 6, "miliony": 6, "milionów": 6, "milyon": 6, "miljoen": 6,
    "miljoner": 6, "مليون": 6, "ملايين": 6, "百万": 6, "백만": 6, "juta": 6,
    "billion": 9, "billions": 9, "bn": 9, "milliard": 9, "milliards": 9, "milliarde": 9, "milliarden": 9, "mrd": 9,
    "md": 9, "mds": 9, "millardo": 9, "bilhão": 9, "bilhões": 9, "miliardo": 9, "miliardi": 9, "mld": 9, "млрд": 9,
    "миллиард": 9, "миллиарда": 9, "миллиардов": 9, "мільярд": 9, "мільярда": 9, "мільярдів": 9, "miliard": 9,
    "miliardy": 9, "miliardów": 9, "milyar": 9, "miljard": 9, "miljarder": 9, "مليار": 9, "مليارات": 9, "miliar": 9,
    "mil millones": 9, "mil milhões": 9,
    "trillion": 12, "trillions": 12, "tn": 12, "billón": 12, "billones": 12, "bilião": 12, "biliões": 12, "bio": 12,
    "trilhão": 12, "trilhões": 12, "трлн": 12, "триллион": 12, "триллиона": 12, "триллионов": 12, "trilyon": 12,
    "تريليون": 12,
    "crore": 7, "crores": 7, "lakh": 5, "lakhs": 5, "करोड़": 7, "लाख": 5,
    "万": 4, "萬": 4, "만": 4, "千万": 7, "千萬": 7, "亿": 8, "億": 8, "억": 8, "万亿": 12, "萬億": 12,
    "兆": 12, "조": 12,
}  # fmt: skip
_LONG_SCALE = {"billion": 12, "billionen": 12, "billions": 12, "trillion": 18}
_LONG_SCALE_LANGUAGES = frozenset({"de", "fr", "nl", "da", "sv", "no", "nb"})
_COMMA_GROUPS = frozenset({"en", "zh", "ja", "ko", "th", "he", "hi", "ms", "ar"})

_ENDING = 7  # "sep" and "september" differ by six letters, inflected ones by a few more
_LONGEST = 24  # more digits are a code or an attack, and a float cannot hold them

_ISO_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d([-./])(\d{1,2})\1(\d{1,2})(?!\d)")
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})([-./])(\d{1,2})\2(?:19|20)?\d\d(?!\d)")
_CJK_DATE = re.compile(r"(?<!\d)(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日号號일]")
_DAY_MONTH = re.compile(
    r"(?<![\d.,])(\d{1,2})(?:st|nd|rd|th|er|\.|º|°|η|ης)?(?:\s+(?:de|of|a))?\s+([^\s\d_.,;:!?()]{3,20})"
)
_MONTH_DAY = re.compile(
    r"(?<![^\s\d_.,;:!?()])([^\s\d_.,;:!?()]{3,20})\.?\s+(?:the\s+)?(\d{1,2})(?:st|nd|rd|th|\.)?(?![\d:%]|[.,]\d)"
)
_CLOCK = re.compile(r"(?<!\d)\d{1,2}:\d\d(?::\d\d)?(?!\d)")
_PERCENT_WORDS = (
    "percent|per cent|prozent|pour cent|por ciento|por cento|per cento|procent\\w*|процент\\w*|відсот\\w*|퍼센트|프로"
    "|パーセント|بالمئة|بالمائة|في المئة|في المائة|pct"
)
_NUMBER = re.compile(
    r"(?<![^\W\d_ぁ-ヿ㐀-鿿가-힣])(?<![^\W\d_]-)(?<!\d)(?P<percent_before>百分之|yüzde\s)?"
    r"(?P<digits>\d{1,3}(?:[ '’]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)*)"
    rf"(?:\s?(?P<percent>[%٪]|(?:{_PERCENT_WORDS})(?!\w))|\s?(?P<scale>SCALES))?(?P<glued>[A-Za-zÀ-ÿ])?",
)


def quantities(text: str, language: str) -> frozenset[str]:
    """Numbers as "10500000" or "12.5%", days as "03-18" (month first).

    Left out: single digits, years, times of day and digits inside a name ("5G"), which agree by chance.
    """
    # The wide comma parts clauses; folded to the narrow one it would join numbers.
    text = unicodedata.normalize("NFKC", text.replace("，", " ; ")).translate(_digits()).casefold()
    days, rest = _take_days(text, base(language))
    return frozenset(days) | frozenset(_numbers(rest, base(language)))


@cache
def _digits() -> dict[int, str]:
    """Decimal digits of all scripts, and the Arabic separators."""
    found = {code: str(unicodedata.decimal(chr(code))) for code in range(0x660, 0xFFFF) if chr(code).isdecimal()}
    return found | {0x66B: ".", 0x66C: ",", 0xA0: " ", 0x202F: " ", 0x2009: " "}


def _take_days(text: str, language: str) -> tuple[set[str], str]:
    """The days found, and the text without them and without times of day."""
    days: set[str] = set()

    def keep(month: int, day: int, whole: str) -> str:
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return whole
        days.add(f"{month:02}-{day:02}")
        return " ; "

    text = _CLOCK.sub(" ; ", text)
    text = _ISO_DATE.sub(lambda m: keep(int(m[2]), int(m[3]), m[0]), text)
    text = _DAY_FIRST.sub(lambda m: keep(*_month_and_day(int(m[1]), int(m[3]), language), m[0]), text)
    text = _CJK_DATE.sub(lambda m: keep(int(m[1]), int(m[2]), m[0]), text)
    text = _DAY_MONTH.sub(lambda m: keep(month_number(m[2], language), int(m[1]), m[0]), text)
    text = _MONTH_DAY.sub(lambda m: keep(month_number(m[1], language), int(m[2]), m[0]), text)
    return days, text


def month_number(word: str, language: str) -> int:
    """Zero where the word is no month in the language. The rows hold stems: a much longer word only begins alike."""
    row = LANGUAGES.get(language)
    for number, stems in enumerate(row.months if row else (), start=1):
        if any(word.startswith(stem) and len(word) <= len(stem) + _ENDING for stem in stems):
            return number
    return 0


def _month_and_day(first: int, second: int, language: str) -> tuple[int, int]:
    """Zeros where English leaves open which of the two is the month."""
    if second > 12:
        return first, second
    if language == "en" and first <= 12:
        return 0, 0
    return second, first


def _numbers(text: str, language: str) -> Iterator[str]:
    for start, end, value, percent in _read_numbers(text, language):
        if percent:
            yield f"{_plain(value)}%"
        elif not _trivial(value, _is_plain(text[start:end])):
            yield _plain(value)


def numbers(text: str, language: str) -> Iterator[tuple[int, int, float]]:
    """Numbers with their words of scale: first character, the one after the last, value. No percentages, no "5G"."""
    return ((start, end, value) for start, end, value, percent in _read_numbers(text, language) if not percent)


def _read_numbers(text: str, language: str) -> Iterator[tuple[int, int, float, bool]]:
    total, begin, end = 0.0, -1, -1
    for match in _pattern().finditer(text):
        if match["glued"] or len(match["digits"]) > _LONGEST:
            continue
        value = _value(match["digits"], language)
        if match["percent"] or match["percent_before"]:
            yield match.start(), match.end(), value, True
            continue
        power = _power(match["scale"], language)
        # 10億5000万 is one number in two parts.
        joined = match.start() == end
        total, begin = value * 10**power + (total if joined else 0), begin if joined else match.start()
        end = match.end() if power in (4, 8, 12) else -1
        if not (end > 0 and text[end : end + 1].isdigit()):
            yield begin, match.end(), total, False


@cache
def _pattern() -> re.Pattern[str]:
    """The number with the words that may follow it, longest first; a word must end where the text's word ends."""
    words = sorted(_SCALES | _LONG_SCALE, key=lambda word: (-len(word), word))
    spaced = "|".join(re.escape(word) for word in words if word[0] < "⺀")
    glued = "|".join(re.escape(word) for word in words if word[0] >= "⺀")
    return re.compile(_NUMBER.pattern.replace("SCALES", rf"(?:{glued})|(?:{spaced})(?!\w)\.?"))


def _power(scale: str | None, language: str) -> int:
    if not scale:
        return 0
    word = scale.rstrip(".")
    if language in _LONG_SCALE_LANGUAGES and word in _LONG_SCALE:
        return _LONG_SCALE[word]
    return _SCALES.get(word) or _LONG_SCALE[word]


def _value(digits: str, language: str) -> float:
    digits = re.sub(r"[ '’]", "", digits)
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return float(digits)
    mark, tail = digits[last], digits[last + 1 :]
    other = "," if mark == "." else "."
    groups = digits.count(mark) > 1 or (len(tail) == 3 and mark == _group_mark(language) and other not in digits)
    if groups:
        return float(re.sub(r"[.,]", "", digits))
    return float(f"{re.sub(r'[.,]', '', digits[:last])}.{tail}")


def _group_mark(language: str) -> str:
    return "," if language in _COMMA_GROUPS else "."


def _is_plain(written: str) -> bool:
    return all(letter.isdigit() or letter in " .,'’" for letter in written)


def _trivial(value: float, plain: bool) -> bool:
    return plain and value == int(value) and (value < 10 or 1900 <= value <= 2100)


def _plain(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")
