"""Training in slices: each goes on from the checkpoint of the one before it, down one learning-rate schedule."""

import hashlib
import json
import logging
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from digest.training.corpus import Sentence
from digest.training.encoder import Shape, Tagger
from digest.training.exported import pieces_of, read_exported
from digest.training.mix import Corpus, Window, vary, windows
from digest.training.narrow import narrowed
from digest.training.pretrained import Pretrained, read_pretrained, unpack_blocks
from digest.training.recipe import Recipe
from digest.training.tags import TAGS
from digest.training.vocabulary import build_tokenizer, choose_pieces

__all__ = ["Workshop", "open_workshop", "train"]

log = logging.getLogger(__name__)

BEGIN, END = 1, 2  # numbers of the two marks in the cut vocabulary
MARKS = 2
SORT_SPAN = 2000  # windows sorted by length among themselves, so that a batch needs little padding
CHECKPOINT_MINUTES = 4.0
NO_SCORE = -1e9
SAMPLE = 1500  # sentences that tell which parts of a larger model matter
HELD_EACH = 60  # held-out sentences of each set in the loss


@dataclass(frozen=True)
class Workshop:
    """What training and export share: the pretrained weights, the cut vocabulary and the folder of the checkpoint."""

    recipe: Recipe
    source: Pretrained
    kept: tuple[int, ...]
    tokenizer: Tokenizer
    folder: Path
    start: Path | None = None  # an exported model to go on from; the pretrained encoder if there is none

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def words(self) -> Tensor:
        """Vectors of the kept pieces, frozen."""
        return torch.from_numpy(unpack_blocks(self.source.words()[list(self.kept)], self.source.width))

    @property
    def shape(self) -> Shape:
        recipe = self.recipe
        return Shape(recipe.layers, recipe.heads, recipe.inner, recipe.longest + MARKS, len(TAGS))

    def first_tagger(self, batches: Iterable[Sequence[Window]]) -> Tagger:
        """What training starts from: the wanted shape, cut out of the exported model or of the pretrained encoder."""
        torch.manual_seed(self.recipe.seed)
        if self.start:
            tagger = read_exported(self.start, self.source)
        else:
            tagger = Tagger(self.source, replace(self.shape, heads=self.source.heads, inner=self.source.inner))
            tagger.load_pretrained(self.source)
        words = self.words()
        losses = (partial(_loss, words=words, batch=batch) for batch in batches)
        return narrowed(tagger, self.source, self.shape, losses)


def open_workshop(
    recipe: Recipe, folder: Path, sentences: Sequence[Sentence] = (), start: Path | None = None
) -> Workshop:
    """The workshop in a folder. The vocabulary is that of the model to start from, else chosen from the sentences."""
    folder.mkdir(parents=True, exist_ok=True)
    source, kept_file = read_pretrained(), folder / "pieces.json"
    if not kept_file.exists():
        chosen = pieces_of(start, source) if start else choose_pieces(source, sentences, recipe.pieces)
        kept_file.write_text(json.dumps(chosen), "utf-8")
    kept = tuple(json.loads(kept_file.read_text("utf-8")))
    tokenizer = build_tokenizer([(source.pieces[i], float(source.scores[i])) for i in kept])
    return Workshop(recipe, source, kept, tokenizer, folder, start)


def batches(data: list[Window], size: int, chance: random.Random) -> list[list[Window]]:
    chance.shuffle(data)
    made: list[list[Window]] = []
    for first in range(0, len(data), SORT_SPAN):
        batch: list[Window] = []
        for window in sorted(data[first : first + SORT_SPAN], key=lambda w: len(w.pieces)):
            if batch and (len(window.pieces) + MARKS) * (len(batch) + 1) > size:
                made.append(batch)
                batch = []
            batch.append(window)
        made.append(batch)
    chance.shuffle(made)
    return made


def tensors(batch: Sequence[Window]) -> tuple[Tensor, Tensor, Tensor]:
    """Pieces with their marks, the mask of what is no padding, and the allowed tags as bits."""
    longest = max(len(w.pieces) for w in batch) + MARKS
    pieces = np.full((len(batch), longest), END, np.int64)
    mask = np.zeros((len(batch), longest), bool)
    allowed = np.zeros((len(batch), longest), np.int64)
    for row, window in enumerate(batch):
        size = len(window.pieces)
        pieces[row, 0], pieces[row, 1 : size + 1] = BEGIN, window.pieces
        allowed[row, 1 : size + 1] = window.allowed
        mask[row, : size + MARKS] = True
    return torch.from_numpy(pieces), torch.from_numpy(mask), torch.from_numpy(allowed)


def partial_loss(scores: Tensor, allowed: Tensor) -> Tensor:
    """Minus the log of the probability that the tag is one of the allowed ones, over pieces that have any."""
    scores, allowed = scores[allowed > 0], allowed[allowed > 0]
    possible = (allowed[:, None] >> torch.arange(len(TAGS))) & 1 == 1
    loss: Tensor = torch.logsumexp(scores, -1) - torch.logsumexp(scores.masked_fill(~possible, NO_SCORE), -1)
    return loss.mean()


def _loss(tagger: Tagger, words: Tensor, batch: Sequence[Window]) -> Tensor:
    pieces, mask, allowed = tensors(batch)
    return partial_loss(tagger(words[pieces], mask[:, None, None, :]), allowed)


class Trainer:
    """A tagger with its optimiser and how far it has come."""

    def __init__(self, shop: Workshop, tagger: Tagger) -> None:
        self.shop, self.recipe = shop, shop.recipe
        self.words = shop.words()
        self.tagger = tagger
        head = list(self.tagger.head.parameters())
        body = [p for name, p in self.tagger.named_parameters() if not name.startswith(("head.", "positions"))]
        self.rates = (self.recipe.learning_rate, self.recipe.head_learning_rate)
        groups = [{"params": body, "lr": self.rates[0]}, {"params": head, "lr": self.rates[1]}]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=self.recipe.weight_decay)
        self.seconds, self.steps, self.epoch, self.pieces, self.loss = 0.0, 0, 0, 0, 0.0
        if shop.checkpoint.exists():
            self._resume(torch.load(shop.checkpoint))

    def _resume(self, state: dict[str, object]) -> None:
        tagger, optimizer, progress = state["tagger"], state["optimizer"], state["progress"]
        assert isinstance(tagger, dict)
        assert isinstance(optimizer, dict)
        assert isinstance(progress, list)
        self.tagger.load_state_dict(tagger)
        self.optimizer.load_state_dict(optimizer)
        self.seconds, self.steps, self.epoch, self.pieces, self.loss = progress

    def save(self) -> None:
        progress = [self.seconds, self.steps, self.epoch, self.pieces, self.loss]
        state = {"tagger": self.tagger.state_dict(), "optimizer": self.optimizer.state_dict(), "progress": progress}
        waiting = self.shop.checkpoint.with_suffix(".new")
        torch.save(state, waiting)
        waiting.replace(self.shop.checkpoint)

    @property
    def done(self) -> float:
        """The share of the schedule that is behind us."""
        return min(1.0, self.seconds / (self.recipe.minutes * 60))

    def step(self, batch: Sequence[Window]) -> None:
        begun = time.monotonic()
        factor = min(1.0, self.steps / self.recipe.warmup_steps) * (1 - self.done)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        loss = _loss(self.tagger, self.words, batch)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.tagger.parameters(), 1.0)
        self.optimizer.step()
        self.loss = 0.98 * self.loss + 0.02 * loss.item() if self.steps else loss.item()
        self.steps += 1
        self.pieces += sum(len(w.pieces) for w in batch)
        self.seconds += time.monotonic() - begun


def _endless(trainer: Trainer, corpus: Corpus) -> Iterator[list[Window]]:
    """Batches, epoch after epoch; each epoch varies the text anew, by the seed and its own number."""
    while True:
        chance = random.Random(f"{trainer.recipe.seed} {trainer.epoch} {trainer.steps}")
        varied = vary(corpus.train, trainer.recipe, chance)
        data = list(windows(varied, trainer.shop.tokenizer, trainer.recipe.longest))
        log.info("epoch %d: %d windows, %d pieces", trainer.epoch, len(data), sum(len(w.pieces) for w in data))
        yield from batches(data, trainer.recipe.batch_pieces, chance)
        trainer.epoch += 1


def _tagger(shop: Workshop, corpus: Corpus) -> Tagger:
    if shop.checkpoint.exists():
        return Tagger(shop.source, shop.shape)  # its weights lie in the checkpoint
    chance = random.Random(shop.recipe.seed)
    sample = chance.sample(corpus.train, min(SAMPLE, len(corpus.train)))
    data = list(windows(sample, shop.tokenizer, shop.recipe.longest))
    return shop.first_tagger(batches(data, shop.recipe.batch_pieces, chance))


def held_loss(trainer: Trainer, corpus: Corpus) -> float:
    """The mean loss over a fixed sample of what is held out."""
    held = [sentence for name in sorted(corpus.held) for sentence in corpus.held[name][:HELD_EACH]]
    data = list(windows(held, trainer.shop.tokenizer, trainer.recipe.longest))
    made = batches(data, trainer.recipe.batch_pieces, random.Random(trainer.recipe.seed))
    trainer.tagger.eval()
    with torch.no_grad():
        return float(np.mean([_loss(trainer.tagger, trainer.words, batch).item() for batch in made]))


def train(shop: Workshop, corpus: Corpus, slice_minutes: float) -> Trainer:
    """One slice of training: until its minutes are over or the schedule is done."""
    trainer = Trainer(shop, _tagger(shop, corpus))
    torch.manual_seed(trainer.recipe.seed + trainer.steps)
    trainer.tagger.train()
    until = trainer.seconds + slice_minutes * 60
    saved = trainer.seconds
    for batch in _endless(trainer, corpus):
        if trainer.done >= 1 or trainer.seconds >= until:
            break
        trainer.step(batch)
        if trainer.steps % 100 == 0:
            speed = trainer.pieces / trainer.seconds
            log.info(
                "step %d: loss %.3f, %.0f pieces/s, %.1f min", trainer.steps, trainer.loss, speed, trainer.seconds / 60
            )
        if trainer.seconds - saved > CHECKPOINT_MINUTES * 60:
            trainer.save()
            saved = trainer.seconds
    trainer.save()
    log.info("loss on what is held out: %.4f", held_loss(trainer, corpus))
    return trainer


def fingerprint(recipe: Recipe) -> str:
    """A short digest of the recipe, written into the exported model."""
    return hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest()[:12]
