"""The name recogniser: a spaCy component with one small model for all languages.

`load()` gives the pipeline. Its docs carry `ents` with the labels COMPANY, AGENCY, ORG, PERSON and PLACE, and in
`doc.user_data["scores"]` the probability of each as `{(start_char, end_char): score}`.
"""

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from shutil import copyfile
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import minibatch

from digest.entities.tagger import Found, Tagger
from digest.entities.tokens import NameTokenizer
from digest.entities.trim import joined, trimmed

__all__ = ["FACTORY", "MODEL", "NameTokenizer", "Names", "load", "load_other"]

FACTORY = "digest_names"
MODEL = Path(__file__).with_name("model")


class Names:
    """Finds the names of a doc. The result depends on the doc's own text alone, whatever it is batched with."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.tagger: Tagger | None = None

    def __call__(self, doc: Doc) -> Doc:
        return self._marked(doc, self._found(doc.text))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 64) -> Iterator[Doc]:
        """Docs in their order; copies of a text within a batch are tagged once."""
        for batch in minibatch(stream, batch_size):  # type: ignore[no-untyped-call]
            texts = [doc.text for doc in batch]  # each look at it joins the tokens anew
            found = {text: self._found(text) for text in dict.fromkeys(texts)}
            for doc, text in zip(batch, texts, strict=True):
                yield self._marked(doc, found[text])

    def _found(self, text: str) -> list[Found]:
        if self.tagger is None:
            raise ValueError("the component digest_names has no model; use digest.entities.recognise.load()")
        names = (trimmed(text, found) for found in self.tagger.names(text))
        return joined(text, [name for name in names if name is not None])

    def _marked(self, doc: Doc, found: list[Found]) -> Doc:
        spans: list[tuple[Span, float]] = []
        for name in found:
            span = doc.char_span(name.start, name.end, label=name.label, alignment_mode="expand")
            if span is None:
                continue
            if spans and span.start < spans[-1][0].end:  # two names in one word: the surer one stays
                if name.score <= spans[-1][1]:
                    continue
                spans.pop()
            spans.append((span, name.score))
        doc.ents = tuple(span for span, _ in spans)
        doc.user_data["scores"] = {(span.start_char, span.end_char): score for span, score in spans}
        return doc

    def to_disk(self, path: Path, **_options: Any) -> None:
        if self.folder is not None:
            Path(path).mkdir(parents=True, exist_ok=True)
            for file in self.folder.iterdir():
                copyfile(file, Path(path) / file.name)

    def from_disk(self, path: Path, **_options: Any) -> "Names":
        self.folder = Path(path)
        self.tagger = Tagger(self.folder)
        return self


@Language.factory(FACTORY, assigns=["doc.ents"])
def make_names(nlp: Language, name: str) -> Names:  # noqa: ARG001 (spaCy passes both by name)
    return Names()


@cache
def load() -> Language:
    """The pipeline of this project, read once in each process."""
    return spacy.load(MODEL)


@lru_cache(maxsize=4)
def load_other(pipeline: str) -> Language:
    """A pipeline of the user's: an installed package, or a folder. OSError if there is none of that name."""
    return spacy.load(pipeline)
