"""Text -> Tagged: the companies, agencies and other names of a text, who they are, and the acts between them."""

from collections.abc import Iterator, Sequence

from digest.entities.catalogue import NOTHING, Own
from digest.entities.link import Name, link
from digest.languages import detect
from digest.records import Failure, Label, Tagged, Text
from digest.stages.act import find_acts

__all__ = ["tag"]

_LABELS: dict[str, Label] = {
    "COMPANY": "COMPANY",
    "AGENCY": "AGENCY",
    "ORG": "ORG",
    "PERSON": "PERSON",
    "PLACE": "PLACE",
}


def tag(texts: Sequence[Text], own: Own = NOTHING) -> list[Tagged | Failure]:
    """One outcome for each text, in the order given; it depends on that text and the user's `own` entities alone."""
    found = _recognised([text.text for text in texts])
    return [_tagged(text, names, own) for text, names in zip(texts, found, strict=True)]


def _recognised(texts: Sequence[str]) -> Iterator[list[Name]]:
    # spaCy takes most of a second to import: only the workers, which tag, shall pay for it, not every command.
    from digest.entities.recognise import load

    for doc in load().pipe(texts):
        scores = doc.user_data["scores"]
        yield [
            Name(e.start_char, e.end_char, _LABELS[e.label_], scores.get((e.start_char, e.end_char), 0.0))
            for e in doc.ents
            if e.label_ in _LABELS
        ]


def _tagged(text: Text, names: Sequence[Name], own: Own) -> Tagged | Failure:
    if not text.text.strip():
        return Failure(text.id, "tag", "no text")
    language = text.language or detect(text.text)[0]
    mentions = link(text.text, language, text.country, names, own)
    return Tagged(text.id, language, tuple(mentions), tuple(find_acts(text.text, language, mentions)))
