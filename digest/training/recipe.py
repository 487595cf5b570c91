"""The recipe file as one frozen record."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["HERE", "Recipe", "SetChoice", "read_recipe"]

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class SetChoice:
    """A data set to train on. cap counts sentences and is 0 for all of them; each comes in so many copies."""

    name: str
    cap: int
    licence: str
    permissive: bool
    copies: int = 1


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides the outcome of a training, besides the data itself."""

    seed: int
    layers: int
    heads: int
    inner: int
    pieces: int
    longest: int
    batch_pieces: int
    minutes: float
    warmup_steps: int
    learning_rate: float
    head_learning_rate: float
    weight_decay: float
    join_share: float
    capitals_share: float
    traditional_share: float
    recased_share: float
    renamed_share: float
    news_copies: int
    invented_rows: int
    held_out_percent: int
    sets: tuple[SetChoice, ...]

    def chosen_sets(self, permissive_only: bool) -> tuple[SetChoice, ...]:
        return tuple(choice for choice in self.sets if choice.permissive or not permissive_only)


def read_recipe(path: Path = HERE / "recipe.toml") -> Recipe:
    values: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    sets = tuple(
        SetChoice(name, int(row["cap"]), row["licence"], bool(row["permissive"]), int(row.get("copies", 1)))
        for name, row in values.pop("sets").items()
    )
    return Recipe(sets=sets, **values)
