"""A morning's stories in eight languages, for tests that need a whole issue and for looking at the mail.

`python -m tests.samples FOLDER` writes the issue as a reader gets it, with a long Chinese one and a quiet day.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from digest.records import (
    Act,
    Coverage,
    Digest,
    Edition,
    Label,
    Mention,
    Report,
    StoryView,
    Trouble,
    Watchlist,
)
from digest.stages.compose import compose
from digest.stages.render import render

DAY = date(2021, 3, 19)
CUTOFF = datetime(2021, 3, 19, 5, 30, tzinfo=UTC)
EDITION = Edition("morning", "Morning briefing", "06:30", "Europe/Berlin", watchlists=("Platforms", "Voices"))
WATCHLISTS = (Watchlist("Platforms", ("company:tencent", "Naver")), Watchlist("Voices", (), ("deepfake", "深度伪造")))
NAMES = {
    "agency:cn-cac": "Cyberspace Administration of China",
    "agency:cn-mps": "Ministry of Public Security",
    "agency:eu-ema": "European Medicines Agency",
    "agency:jp-ppc": "Personal Information Protection Commission",
    "agency:kr-ftc": "Korea Fair Trade Commission",
    "agency:cn-samr": "State Administration for Market Regulation",
    "company:tencent": "Tencent",
    "company:xiaomi": "Xiaomi",
    "company:kuaishou": "Kuaishou",
    "company:bytedance": "ByteDance",
    "company:alibaba": "Alibaba",
    "company:astrazeneca": "AstraZeneca",
    "company:line": "LINE",
    "company:naver": "Naver",
    "company:haiyun": "Haiyun Foods",
}
SURFACES: Mapping[str, tuple[str, ...]] = {
    "agency:cn-cac": (
        "国家网信办",
        "网信办",
        "Cyberspace Administration of China",
        "国家インターネット情報弁公室",
        "إدارة الفضاء السيبراني",
    ),
    "agency:cn-mps": ("公安部", "Ministry of Public Security", "Ministerium für öffentliche Sicherheit", "公安省"),
    "agency:eu-ema": ("European Medicines Agency", "EMA", "Agence européenne des médicaments"),
    "agency:jp-ppc": ("個人情報保護委員会", "Personal Information Protection Commission"),
    "agency:kr-ftc": ("공정거래위원회", "공정위"),
    "agency:cn-samr": ("市場監管總局",),
    "company:tencent": ("腾讯", "Tencent", "テンセント", "تنسنت"),
    "company:xiaomi": ("小米", "Xiaomi", "シャオミ", "شاومي"),
    "company:kuaishou": ("快手", "Kuaishou"),
    "company:bytedance": ("字节跳动", "ByteDance", "Bytedance", "バイトダンス"),
    "company:alibaba": ("阿里巴巴", "Alibaba", "アリババ"),
    "company:astrazeneca": ("AstraZeneca",),
    "company:line": ("LINE",),
    "company:naver": ("네이버", "Naver"),
    "company:haiyun": ("海雲食品",),
}


def resolve(name: str) -> str | None:
    """The linker's part, on the names of these samples."""
    return next((entity for entity, surfaces in SURFACES.items() if name in surfaces), None)


def mentions(text: str) -> tuple[Mention, ...]:
    found: list[Mention] = []
    for entity, surfaces in SURFACES.items():
        label: Label = "AGENCY" if entity.startswith("agency:") else "COMPANY"
        found += [
            Mention(text.find(surface), text.find(surface) + len(surface), surface, label, entity, NAMES[entity])
            for surface in surfaces
            if surface in text
        ]
    return tuple(found)


def report(
    number: int,
    source: str,
    language: str,
    title: str,
    text: str = "",
    *,
    hours: float = 8.0,
    acts: tuple[Act, ...] = (),
    copy_of: int | None = None,
    earlier: str = "",
    imported: bool = False,
    url: str = "",
) -> Report:
    """A report that was published so many hours before the cut-off."""
    when = CUTOFF - timedelta(hours=hours)
    return Report(
        id=number,
        source=source,
        country=None,
        url=url or f"https://news.example/{number}/{when:%Y/%m}/report.html",
        title=title,
        text=text,
        language=language,
        published=when,
        first_seen=when,
        mentions=mentions(f"{title}\n{text}"),
        acts=acts,
        copy_of=copy_of,
        earlier_title=earlier,
        imported=imported,
    )


def acts(action: str, agencies: tuple[str, ...], companies: tuple[str, ...], evidence: str) -> tuple[Act, ...]:
    return tuple(Act(a, c, action, 0, len(evidence), evidence, 0.9) for a in agencies for c in companies)


def eleven_firms() -> StoryView:
    chinese = (
        "国家网信办18日通报，国家网信办、公安部近日指导北京、天津、上海、浙江、广东等地网信部门、"
        "公安机关，依法约谈小米、快手、"
        "字节跳动、阿里巴巴、腾讯等11家企业，"
        "督促其对未履行安全评估程序的语音社交软件和涉深度伪造技术的应用开展安全评估。"
    )
    english = (
        "The Cyberspace Administration of China and the Ministry of Public Security have summoned 11 "
        "firms, among them "
        "Xiaomi, Kuaishou, ByteDance, Alibaba and Tencent."
    )
    two, five = (
        ("agency:cn-cac", "agency:cn-mps"),
        tuple(f"company:{name}" for name in ("xiaomi", "kuaishou", "bytedance", "alibaba", "tencent")),
    )
    return StoryView(
        "story:11-firms",
        (
            report(
                1,
                "京海日报",
                "zh-Hans",
                "网信办约谈小米、快手、腾讯等11家企业",
                f"{chinese}\n通报没有提出期限，也没有宣布处罚。"
                "\n相关企业应当自觉履行安全评估义务，完善风险防控机制，对评估中发现的安全隐患及时整改。",
                hours=20,
                acts=acts("summon", two, five, chinese),
            ),
            report(
                2,
                "The Harbour Ledger",
                "en",
                "China calls in 11 tech firms over deepfakes and voice chat",
                f"{english} They were told to have their voice-chat software and “deepfake” tools checked for "
                "security."
                "\nThe regulator set no deadline and announced no penalties, but said that the firms must put "
                "right any "
                "hidden dangers that they find.\nPicture: shoppers pass a phone shop.",
                hours=17,
                acts=acts("summon", two, five, english),
                earlier="China calls in seven tech firms over deepfakes and voice chat",
            ),
            report(
                3,
                "Elbbote",
                "de",
                "Peking lädt elf Technikkonzerne wegen Deepfakes vor",
                "Die chinesische Internetaufsicht und das Ministerium für öffentliche Sicherheit haben elf "
                "Unternehmen "
                "einbestellt, darunter Xiaomi, Bytedance und Tencent. Sie sollen ihre Sprach-Apps prüfen lassen.",
                hours=15,
            ),
            report(
                4,
                "常盤新聞",
                "ja",
                "中国当局、テンセントなど11社を聴取　ディープフェイク巡り",
                "中国の国家インターネット情報弁公室と公安省は18日、テンセント、バイトダンス、"
                "シャオミなど11社の担当者を呼び出し、"
                "音声交流アプリの安全評価を求めたと発表した。期限は示していない。",
                hours=14,
            ),
            report(
                5,
                "الميدان",
                "ar",
                "بكين تستدعي 11 شركة بسبب تقنية التزييف العميق",
                "استدعت إدارة الفضاء السيبراني في الصين ممثلين عن 11 شركة من بينها تنسنت وشاومي، وطلبت منها "
                "إجراء تقييم أمني "
                "لتطبيقات المحادثة الصوتية وتقنيات التزييف العميق.",
                hours=12,
            ),
            report(6, "浦江晚报", "zh-Hans", "网信办约谈小米、快手、腾讯等11家企业", chinese, hours=19, copy_of=1),
        ),
    )


def vaccine() -> StoryView:
    approval = "The European Medicines Agency (EMA) has found that the AstraZeneca vaccine is safe and effective."
    return StoryView(
        "story:vaccine",
        (
            report(
                11,
                "Elbbote",
                "de",
                "Impfungen mit AstraZeneca ausgesetzt",
                "Deutschland hat die Impfungen mit dem Mittel von AstraZeneca am Montag vorsorglich ausgesetzt.",
                hours=80,
            ),
            report(
                12,
                "The Harbour Ledger",
                "en",
                "AstraZeneca jab is ‘safe and effective’, says EU medicines watchdog",
                f"{approval} A warning about very rare clots will be added to the leaflet, so that doctors know "
                "what to look for.",
                hours=12,
                acts=acts("approve", ("agency:eu-ema",), ("company:astrazeneca",), approval),
            ),
            report(
                13,
                "Les Quais",
                "fr",
                "AstraZeneca : l’Agence européenne des médicaments juge le vaccin « sûr et efficace »",
                "L’Agence européenne des médicaments a conclu jeudi que les bénéfices du vaccin d’AstraZeneca "
                "l’emportaient sur ses risques. La campagne doit reprendre vendredi en France.",
                hours=11,
            ),
        ),
        frozenset({11}),
    )


def messenger() -> StoryView:
    demand = "個人情報保護委員会は19日、LINEに対し、利用者の個人情報の管理について報告を求めた。"
    return StoryView(
        "story:messenger",
        (
            report(
                21,
                "常盤新聞",
                "ja",
                "個人情報保護委、LINEに報告求める　中国からの閲覧問題",
                f"{demand}中国の関連会社の技術者が利用者の情報を閲覧できる状態だったことが分かっている。",
                hours=3,
                acts=acts("order", ("agency:jp-ppc",), ("company:line",), demand),
            ),
            report(
                22,
                "한강신문",
                "ko",
                "일본 정부, 라인에 개인정보 관리 실태 보고 요구",
                "일본 개인정보보호위원회가 네이버 계열 메신저 라인에 이용자 개인정보 관리 실태를 보고하라고 "
                "요구했다.\n"
                "네이버는 서버에 있는 정보에 접근한 사실이 없다고 밝혔다.",
                hours=2,
            ),
        ),
    )


def smaller() -> tuple[StoryView, ...]:
    fine = "市場監管總局19日公布，海雲食品因虛假宣傳被罰款200萬元人民幣，並須在三十日內改正。"
    return (
        StoryView(
            "story:foods",
            (
                report(
                    31,
                    "聯灣時報",
                    "zh-Hant",
                    "海雲食品虛假宣傳 遭市場監管總局罰200萬",
                    fine,
                    hours=5,
                    acts=acts("fine", ("agency:cn-samr",), ("company:haiyun",), fine),
                ),
            ),
        ),
        StoryView(
            "story:search",
            (
                report(
                    41,
                    "한강신문",
                    "ko",
                    "공정위, 네이버 검색 알고리즘 조사 결과 발표 예정",
                    "공정거래위원회가 네이버의 쇼핑 검색 알고리즘에 대한 조사 결과를 다음 주 발표할 예정이라고 밝혔다.",
                    hours=6,
                ),
            ),
        ),
        StoryView(
            "story:gulf",
            (
                report(
                    71,
                    "الميدان",
                    "ar",
                    "شركة شاومي تفتتح أول مركز صيانة لها في الدوحة (2021)",
                    "افتتحت شركة شاومي يوم الخميس في الدوحة أول مركز صيانة لها في البلاد، وقالت إن المركز سيعمل به "
                    "40 فنيا.",
                    hours=4,
                ),
            ),
        ),
        StoryView(
            "story:cloud",
            (
                report(
                    51,
                    "Cais do Norte",
                    "pt",
                    "Tencent abre centro de dados em São Paulo",
                    "A Tencent inaugurou nesta quinta-feira um centro de dados em São Paulo, o primeiro da empresa "
                    "na América "
                    "do Sul, com investimento de 300 milhões de reais.",
                    hours=9,
                ),
            ),
        ),
        StoryView(
            "story:bridge",
            (
                report(
                    61,
                    "Elbbote",
                    "de",
                    "Neue Elbbrücke wird im Mai für den Verkehr freigegeben",
                    "Die neue Elbbrücke soll nach drei Jahren Bauzeit am 3. Mai für den Verkehr freigegeben werden.",
                    hours=7,
                ),
            ),
        ),
    )


def stories() -> tuple[StoryView, ...]:
    return (eleven_firms(), vaccine(), messenger(), *smaller())


COVERAGE = Coverage(
    sources=17,
    sources_seen=14,
    articles=212,
    languages=("ar", "de", "en", "fr", "ja", "ko", "pt", "ru", "tr", "zh-Hans", "zh-Hant"),
    troubles=(
        Trouble("Old Town Gazette", "gone", CUTOFF - timedelta(days=9)),
        Trouble("Torn Page", "not well formed", CUTOFF - timedelta(days=1)),
        Trouble("Sleepy Herald", "timed out"),
    ),
    failed_items={"disallowed by robots.txt": 4, "no text": 1},
)


def issue(notice: str = "", edition: Edition = EDITION) -> Digest:
    return compose(stories(), edition, WATCHLISTS, COVERAGE, NAMES, resolve, DAY, CUTOFF, notice)


def quiet_issue() -> Digest:
    return compose((), EDITION, WATCHLISTS, replace(COVERAGE, articles=0), NAMES, resolve, DAY, CUTOFF)


def long_issue(number: int = 40) -> Digest:
    """As many stories as asked for, each in full and in Chinese, with long addresses."""
    views = tuple(
        replace(
            eleven_firms(),
            id=f"story:{place:03}",
            reports=tuple(
                replace(
                    one,
                    id=one.id + 100 * place,
                    language="zh-Hans",
                    title=f"第{place}批：网信办约谈小米、快手、腾讯等11家企业，要求对语音社交软件开展安全评估",
                    text=eleven_firms().reports[0].text,
                    url=f"https://news.jinghai.example/politics/2021/03/18/content-{place:09}-{one.id:05}.html?from=digest-list",
                    copy_of=None,
                )
                for one in eleven_firms().reports
            ),
        )
        for place in range(number)
    )
    edition = replace(EDITION, size=number)
    return compose(views, edition, WATCHLISTS, COVERAGE, NAMES, resolve, DAY, CUTOFF)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    notice = "This is a demonstration: its newsrooms are invented."
    for name, digest in (("issue", issue(notice)), ("long", long_issue()), ("quiet", quiet_issue())):
        email = render(digest)
        (folder / f"{name}.html").write_text(email.html, encoding="utf-8")
        (folder / f"{name}.txt").write_text(email.text, encoding="utf-8")
        print(f"{name}: {len(email.html.encode()):,} bytes; {email.subject}")


if __name__ == "__main__":
    main()
