"""The same passages with other names: what a name is must be read from its context, not from its letters."""

import random
from collections import defaultdict
from collections.abc import Sequence

from digest.training.corpus import Name, Sentence
from digest.training.invent import with_particle

__all__ = ["NamePool"]

SWAPPED_SHARE = 0.5  # of the names in a copy that may be swapped
# Languages in which neither article nor ending around an agency's name tells its gender or case.
AGENCIES_IN = frozenset({"zh", "ja", "ko", "en", "tr"})
# Languages whose cases leave a company's or a person's letters alone.
UNINFLECTED = frozenset({"zh", "ja", "ko", "ar", "en", "de", "fr", "es", "it", "pt", "nl", "tr"})


class NamePool:
    """The names of passages, by language and label."""

    def __init__(self, passages: Sequence[Sentence]) -> None:
        names: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        for passage in passages:
            for name in passage.names:
                names[passage.lang, name.labels[0]][passage.written(name)] = None
        self.names = {key: tuple(listed) for key, listed in names.items()}

    def swapped(self, passage: Sentence, chance: random.Random) -> Sentence:
        """The passage with some names exchanged for others of their kind, the same one everywhere."""
        text, at = "", 0
        names: list[Name] = []
        chosen: dict[str, str] = {}
        for name in sorted(passage.names, key=lambda each: each.start):
            literal = passage.text[at : name.start]
            text += with_particle(text, literal) if passage.lang == "ko" and names else literal
            old = passage.written(name)
            new = chosen.setdefault(old, self._other(passage.lang, name.labels[0], old, chance))
            names.append(Name(len(text), len(text) + len(new), name.labels))
            text, at = text + new, name.end
        rest = passage.text[at:]
        text += with_particle(text, rest) if passage.lang == "ko" and names else rest
        return Sentence(text, passage.lang, passage.source, tuple(names))

    def _other(self, lang: str, label: str, old: str, chance: random.Random) -> str:
        free = AGENCIES_IN if label == "AGENCY" else UNINFLECTED if label in {"COMPANY", "PERSON"} else ()
        return chance.choice(self.names[lang, label]) if lang in free and chance.random() < SWAPPED_SHARE else old
