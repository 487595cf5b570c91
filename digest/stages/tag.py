"""Text -> Tagged: the companies, agencies and other names of a text, who they are, and the acts between them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from digest.entities.catalogue import NOTHING, Own
from digest.entities.link import Name, link
from digest.languages import base, detect
from digest.records import Failure, Label, Recogniser, Tagged, Text
from digest.stages.act import find_acts

if TYPE_CHECKING:
    from spacy.tokens import Doc

__all__ = ["tag"]

_LABELS: dict[str, Label] = {
    "COMPANY": "COMPANY",
    "AGENCY": "AGENCY",
    "ORG": "ORG",
    "PERSON": "PERSON",
    "PLACE": "PLACE",
}
# Pipelines of others tell no probability: sure enough to be shown and counted, not to act or be acted on alone.
_UNSTATED = 0.75


def tag(texts: Sequence[Text], own: Own = NOTHING, recognisers: Sequence[Recogniser] = ()) -> list[Tagged | Failure]:
    """One outcome for each text, in the order given.

    It depends on that text alone, on the user's `own` entities, and on the `recognisers` that the user names for some
    languages; ours finds the names of all others.
    """
    languages = [text.language or detect(text.text)[0] for text in texts]
    ours = _recognised([text.text for text in texts])
    return [
        _tagged(text, language, _with_other(text.text, language, names, recognisers), own)
        for text, language, names in zip(texts, languages, ours, strict=True)
    ]


def _recognised(texts: Sequence[str]) -> Iterator[list[Name]]:
    # spaCy takes most of a second to import: only the workers, which tag, shall pay for it, not every command.
    from digest.entities.recognise import load

    for doc in load().pipe(texts):
        yield list(_names(doc, _LABELS))


def _names(doc: "Doc", labels: dict[str, Label]) -> Iterator[Name]:
    scores = doc.user_data.get("scores", {})
    for one in doc.ents:
        if one.label_ in labels:
            score = scores.get((one.start_char, one.end_char), _UNSTATED)
            yield Name(one.start_char, one.end_char, labels[one.label_], score)


def _with_other(text: str, language: str, ours: list[Name], recognisers: Sequence[Recogniser]) -> list[Name]:
    """The names of the user's pipeline for the language; few tell companies from agencies, so ours does."""
    other = next((one for one in recognisers if language in one.languages or base(language) in one.languages), None)
    if other is None or not text.strip():
        return ours
    from digest.entities.recognise import load_other

    theirs = _names(load_other(other.pipeline)(text), dict(other.labels))
    return [_typed(name, ours) for name in theirs]


def _typed(name: Name, ours: Sequence[Name]) -> Name:
    if name.label != "ORG":
        return name
    over = [one for one in ours if one.start < name.end and one.end > name.start and one.label != "PLACE"]
    best = max(over, key=lambda one: min(one.end, name.end) - max(one.start, name.start), default=None)
    if best is None or best.label not in {"COMPANY", "AGENCY"}:
        return name
    return Name(name.start, name.end, best.label, best.score)


def _tagged(text: Text, language: str, names: Sequence[Name], own: Own) -> Tagged | Failure:
    if not text.text.strip():
        return Failure(text.id, "tag", "no text")
    mentions = link(text.text, language, text.country, names, own)
    acts = find_acts(text.text, language, mentions, text.country, text.published)
    return Tagged(text.id, language, tuple(mentions), tuple(acts))
