"""The training mix: every chosen set and our own writing, varied, cut to windows and kept as arrays."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from opencc import OpenCC
from tokenizers import Tokenizer

from digest.training.corpus import Name, Sentence, is_held_out, known_names, read_set, type_by_known_names
from digest.training.invent import invented, listed_names, renamed
from digest.training.marked import read_marked
from digest.training.recipe import HERE, Recipe
from digest.training.swap import NamePool
from digest.training.tags import allowed_tags

__all__ = ["Corpus", "Window", "read_corpus", "vary", "windows"]

HEADLINE_CHARS = 120  # longer sentences are not set in capitals
MIN_PIECES = 2
NEWS = "news-"  # sources of our own passages


@dataclass(frozen=True)
class Corpus:
    """Sentences to train on, and held-out sentences by the name of their set."""

    train: tuple[Sentence, ...]
    held: dict[str, tuple[Sentence, ...]]


@dataclass(frozen=True, slots=True)
class Window:
    """Pieces as numbers, and for each the set of its possible tags as bits."""

    pieces: npt.NDArray[np.int32]
    allowed: npt.NDArray[np.int16]


def read_corpus(folder: Path, recipe: Recipe, permissive_only: bool) -> Corpus:
    train: list[Sentence] = []
    held: dict[str, tuple[Sentence, ...]] = {}
    for choice in recipe.chosen_sets(permissive_only):
        kept, aside = read_set(folder, choice, recipe)
        train += kept * choice.copies
        held[choice.name] = tuple(aside)
    written, written_aside = invented(recipe)
    news, news_aside = _news(recipe)
    written, written_aside = written + news, written_aside + news_aside
    train = type_by_known_names(train, known_names(train) | listed_names())
    train += written + _renamed(train, recipe)
    unseen = {sentence.text for part in (*held.values(), written_aside) for sentence in part}
    held |= {
        source: tuple(s for s in written_aside if s.source == source) for source in {s.source for s in written_aside}
    }
    return Corpus(tuple(s for s in train if s.text not in unseen), held)


def _news(recipe: Recipe) -> tuple[list[Sentence], list[Sentence]]:
    """The passages in news/, our own writing: those to train on and those held out."""
    parts: tuple[list[Sentence], list[Sentence]] = ([], [])
    for path in sorted((HERE / "news").glob("*.txt")):
        for passage in read_marked(path, f"{NEWS}{path.stem.split('-')[0]}"):
            parts[is_held_out(passage.text, recipe.held_out_percent)].append(passage)
    return parts


def _renamed(sentences: Sequence[Sentence], recipe: Recipe) -> list[Sentence]:
    chance = random.Random(recipe.seed)
    chosen = (renamed(sentence, chance) for sentence in sentences if chance.random() < recipe.renamed_share)
    return [sentence for sentence in chosen if sentence is not None]


def _mapped(sentence: Sentence, change: Callable[[str], str]) -> Sentence:
    text = change(sentence.text)
    return replace(sentence, text=text) if len(text) == len(sentence.text) else sentence


def joined(first: Sentence, second: Sentence) -> Sentence:
    gap = "" if first.lang in {"zh", "ja"} else " "
    shift = len(first.text) + len(gap)
    moved = tuple(Name(n.start + shift, n.end + shift, n.labels) for n in second.names)
    return replace(first, text=first.text + gap + second.text, names=first.names + moved)


def _with_copies(sentences: Sequence[Sentence], recipe: Recipe, chance: random.Random) -> Iterator[Sentence]:
    """The sentences; of our own passages several copies, all but the first with other names in the same places."""
    pool = NamePool([sentence for sentence in sentences if sentence.source.startswith(NEWS)])
    for sentence in sentences:
        yield sentence
        if sentence.source.startswith(NEWS):
            yield from (pool.swapped(sentence, chance) for _ in range(recipe.news_copies - 1))


def vary(sentences: Sequence[Sentence], recipe: Recipe, chance: random.Random) -> list[Sentence]:
    """Some sentences in capitals, some in traditional characters, some with another one of their set appended."""
    traditional = OpenCC("s2t")
    varied: list[Sentence] = []
    for plain in _with_copies(sentences, recipe, chance):
        sentence = plain
        if sentence.lang == "zh" and chance.random() < recipe.traditional_share:
            sentence = _mapped(sentence, traditional.convert)
        elif len(sentence.text) < HEADLINE_CHARS and chance.random() < recipe.capitals_share:
            sentence = _mapped(sentence, str.upper)
        last = varied[-1] if varied else None
        if (
            last
            and last.source == sentence.source
            and last.lang == sentence.lang
            and chance.random() < recipe.join_share
        ):
            varied[-1] = joined(last, sentence)
        else:
            varied.append(sentence)
    chance.shuffle(varied)
    return varied


def windows(sentences: Sequence[Sentence], tokenizer: Tokenizer, longest: int) -> Iterator[Window]:
    """Sentences as pieces; the longer ones in several windows, cut where the piece before has no name."""
    for sentence, encoded in zip(sentences, tokenizer.encode_batch([s.text for s in sentences]), strict=True):
        pieces = np.asarray(encoded.ids, np.int32)
        allowed = allowed_tags(sentence, encoded.offsets)
        while len(pieces) >= MIN_PIECES:
            cut = longest
            while len(pieces) > longest and cut > longest // 2 and allowed[cut] != 1:
                cut -= 1
            yield Window(pieces[:cut], allowed[:cut])
            pieces, allowed = pieces[cut:], allowed[cut:]
