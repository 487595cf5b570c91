"""Languages: the rows, cleaning, detection, sentences and shortening."""

import unicodedata

import pytest
import regex  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from digest.languages import LANGUAGES, UNKNOWN, base, clean, detect, direction, normal_tag, sentences, shorten

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("。. !?\n「」“”é腾한ب👨‍👩‍👧 "), max_size=60)
ANY_TEXT = st.text(st.characters() | st.sampled_from("\0\u202e\u200d\ud800\u2028\x85\u200b \n"), max_size=60)

HEADLINES = {
    "zh-Hans": "网信办约谈多家企业负责人",
    "zh-Hant": "數位部與公平會約談電商業者",
    "en": "Regulator fines shipping firm over late report",
    "ja": "公取委、海運大手に立ち入り検査",
    "ko": "공정위, 해운사 세 곳 현장 조사",
    "de": "Kartellamt prüft Übernahme der Reederei",
    "fr": "L’Autorité de la concurrence sanctionne un armateur",
    "es": "La Comisión multa a una naviera por ocultar datos",
    "pt": "Autoridade da Concorrência abre investigação a armador",
    "it": "L’Antitrust apre un’istruttoria sulla compagnia di navigazione",
    "ru": "Антимонопольная служба оштрафовала судоходную компанию",
    "ar": "هيئة المنافسة تغرم شركة الشحن بعد تحقيق طويل",
    "tr": "Rekabet Kurumu denizcilik şirketine soruşturma açtı",
    "uk": "Антимонопольний комітет оштрафував судноплавну компанію",
    "pl": "Urząd ochrony konkurencji wszczął postępowanie wobec armatora",
    "nl": "Toezichthouder legt rederij een boete op wegens vertraging",
    "hi": "प्रतिस्पर्धा आयोग ने जहाज कंपनी पर जुर्माना लगाया",
    "fa": "شورای رقابت شرکت کشتیرانی را جریمه کرد",
    "he": "רשות התחרות קנסה את חברת הספנות",
    "sv": "Konkurrensverket granskar rederiets köp av hamnen",
    "fi": "Kilpailuvirasto tutkii varustamon yrityskauppaa",
    "cs": "Antimonopolní úřad zahájil řízení s rejdařskou společností",
    "hu": "A versenyhivatal vizsgálatot indított a hajózási társaság ellen",
    "ro": "Consiliul Concurenței a amendat compania de transport maritim",
    "el": "Η Επιτροπή Ανταγωνισμού επέβαλε πρόστιμο στη ναυτιλιακή",
    "vi": "Ủy ban Cạnh tranh xử phạt công ty vận tải biển",
    "th": "คณะกรรมการแข่งขันสั่งปรับบริษัทเดินเรือ",
    "id": "Komisi persaingan usaha menjatuhkan denda kepada perusahaan pelayaran",
}


def test_every_row_is_whole() -> None:
    for code, row in LANGUAGES.items():
        assert row.code == code == base(code)
        assert row.name
        assert row.native
        assert len(row.months) in (0, 12)
    assert {code for code, row in LANGUAGES.items() if row.direction == "rtl"} == {"ar", "fa", "he", "ur"}
    assert {code for code, row in LANGUAGES.items() if not row.spaced} == {"zh", "ja", "th"}


@pytest.mark.parametrize(
    ("tag", "code", "normal"),
    [
        ("zh-Hant", "zh", "zh-Hant"),
        ("zh_CN", "zh", "zh-Hans"),
        ("zh-hk", "zh", "zh-Hant"),
        ("ZH", "zh", "zh"),
        ("pt-BR", "pt", "pt"),
        ("en_US", "en", "en"),
        ("no", "nb", "nb"),
        ("iw", "he", "he"),
        ("jp", "ja", "ja"),
        ("und", "und", None),
        ("", "", None),
        ("Deutsch (Österreich)", "deutsch (österreich)", None),
    ],
)
def test_tags(tag: str, code: str, normal: str | None) -> None:
    assert (base(tag), normal_tag(tag)) == (code, normal)


def test_direction() -> None:
    assert [direction(tag) for tag in ("ar-EG", "ur", "zh-Hant", "xx", "")] == ["rtl", "rtl", "ltr", "ltr", "ltr"]


# --- cleaning -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  a \t b  ", "a b"),
        ("a\x00b\ud800c\ufffed", "abcd"),
        ("a\u2028b\x85c\x0bd\x1ce\r\nf", "a b c d e f"),
        ("\u202eevil\u202c \u2066x\u2069\u200e", "evil x"),
        ("zero\u200bwidth\ufeff soft\u00adhyphen", "zerowidth softhyphen"),
        ("网信办\u3000\u3000约谈", "网信办 约谈"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("pay\u200cpal \u200dx", "paypal x"),
        ("e\u0301", "e\u0301"),
        ("x" + "\u0301" * 100, "x" + "\u0301" * 30),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_clean_can_keep_lines() -> None:
    assert clean(" a  b \r\n\n \u2029c\x0cd ", keep_newlines=True) == "a b\nc\nd"


@given(ANY_TEXT)
def test_clean_text_is_fit_to_store(text: str) -> None:
    for keep in (False, True):
        cleaned = clean(text, keep)
        assert clean(cleaned, keep) == cleaned
        cleaned.encode("utf-8")
        assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in cleaned.replace("\n", ""))
        assert not set(cleaned) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
        assert keep or "\n" not in cleaned


# --- detection ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "headline"), HEADLINES.items(), ids=list(HEADLINES))
def test_headlines(language: str, headline: str) -> None:
    found, confidence = detect(headline)
    assert found == language
    assert 0 < confidence <= 1


@pytest.mark.parametrize("hint", ["en", "de", "zh-CN", "ar"])
def test_wrong_hint_does_not_win_against_text(hint: str) -> None:
    wrong = [code for code, headline in HEADLINES.items() if detect(headline * 3, hint)[0] != code]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "hint", "language"),
    [
        ("東京都知事選", "ja", "ja"),
        ("Ministro visita Porto", "pt", "pt"),
        ("Ministro visita Porto", "es", "es"),
        ("中文", "zh-TW", "zh-Hant"),
        ("中文", "zh", "zh-Hans"),
        ("123", "ko", "ko"),
        ("123", None, UNKNOWN),
        ("", "nonsense!", UNKNOWN),
    ],
)
def test_hint_decides_where_the_text_leaves_room(text: str, hint: str | None, language: str) -> None:
    assert detect(text, hint)[0] == language


# --- sentences ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "text", "count"),
    [
        (
            "en",
            "Apple Inc. paid the U.S. $3.5 million. Mr. J. Smith of Yahoo! left. “No way!” he said. Then he left.",
            4,
        ),
        (
            "de",
            "Das Amt hat am 18. März, z. B. in Bonn, entschieden. Es geht um ca. 3 Mio. Euro. Der 1. FC Köln schwieg.",
            3,
        ),
        ("fr", "M. Dupont a parlé. « C’est faux ! » a-t-il dit. Est-ce vrai ? Oui.", 4),
        ("es", "El Sr. Pérez dijo ¿qué? ¡Vaya! La S.A. cerró.", 3),
        ("ru", "Роскомнадзор оштрафовал фирму на 3 млн руб. в 2021 г. А. С. Пушкин молчит. Конец.", 2),
        ("zh-Hans", "网信办称：“已约谈腾讯。”企业表示配合！3.5亿元？是的。", 4),
        ("zh-Hant", "公平會表示，將依法處理。業者：「配合。」", 2),
        ("ja", "「問題ない。」と社長は述べた。株価は3.5%下落した。", 2),
        ("ko", '회사는 20일 발표했다. "문제없다."라고 말했다. 끝.', 3),
        ("ar", "قالت الشركة إنها بخير. هل هذا صحيح؟ نعم.", 3),
        ("hi", "कंपनी ने कहा। यह सही है।", 2),
        ("el", "Τι έγινε; Τίποτα.", 2),
        ("hu", "A bank 2021. március 3. napján döntött. A bírság 5 millió Ft.", 2),
        ("xx", "One. Two。Three? ", 3),
        ("en", "no end\nnew line\n\n  third  ", 3),
    ],
)
def test_sentences(language: str, text: str, count: int) -> None:
    assert len(sentences(text, language)) == count, [text[a:b] for a, b in sentences(text, language)]


@given(TEXT, st.sampled_from(["en", "de", "zh-Hans", "ja", "ko", "ar", "hi", "th", "xx"]))
def test_sentences_cover_the_text(text: str, language: str) -> None:
    spans = sentences(text, language)
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    assert all(not text[end:start].strip() for end, start in zip(ends, starts, strict=True))
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)


# --- shortening -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("short", 5, "short"),
        ("The quick brown fox", 12, "The quick…"),
        ("The quick, brown fox", 11, "The quick…"),
        ("网信办约谈腾讯公司等企业", 8, "网信办约谈腾讯…"),
        ("约谈Tencent公司", 6, "约谈…"),
        ("قالت الشركة إنها", 8, "قالت…"),
        ("삼성전자는 발표했다", 8, "삼성전자는…"),
        ("Donaudampfschifffahrt", 6, "Donau…"),
        ("👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 13, "👨‍👩‍👧‍👦…"),
        ("👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 5, "…"),
        ("क्षत्रिय", 4, "क्ष…"),
        ("abc", 0, ""),
    ],
)
def test_shorten(text: str, limit: int, short: str) -> None:
    assert shorten(text, limit) == short


@given(TEXT, st.integers(0, 40))
def test_shorten_never_cuts_a_grapheme(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    if short != text and short:
        kept = short.removesuffix("…")
        clusters = regex.findall(r"\X", text)
        assert any(
            kept == "".join(clusters[:n]).rstrip(" \t\n,;:，；：、،؛-–—([{（「『《“„«")
            for n in range(len(clusters) + 1)
        )
