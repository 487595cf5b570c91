"""Command line of the training: `train` a slice, `score` the checkpoint on held-out text, `export` the pipeline."""

import argparse
import json
import logging
from pathlib import Path

import torch

from digest.training.export import export
from digest.training.mix import read_corpus
from digest.training.recipe import read_recipe
from digest.training.score import score_model, table
from digest.training.train import open_workshop, train

log = logging.getLogger(__name__)

DEFAULT_MODEL = Path(__file__).parent.parent / "entities" / "model"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m digest.training", description=__doc__)
    parser.add_argument("command", choices=["train", "score", "export"])
    parser.add_argument("--data", type=Path, required=True, help="folder with permissive/ and unstated/ data sets")
    parser.add_argument("--work", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--minutes", type=float, default=60.0, help="length of this slice of training")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--permissive-only", action="store_true", help="leave out sets whose terms are not stated")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="folder of the exported pipeline")
    parser.add_argument("--start", type=Path, help="folder of an exported pipeline to go on from")
    parser.add_argument("--scores", type=Path, help="write the scores there as JSON")
    return parser.parse_args()


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    recipe = read_recipe()
    corpus = read_corpus(arguments.data, recipe, arguments.permissive_only)
    log.info("%d sentences to train on, %d held out", len(corpus.train), sum(map(len, corpus.held.values())))
    shop = open_workshop(recipe, arguments.work, corpus.train, arguments.start)
    if arguments.command == "train":
        trainer = train(shop, corpus, arguments.minutes)
        log.info("%.0f %% of the schedule done", trainer.done * 100)
    elif arguments.command == "export":
        export(shop, arguments.model, corpus.train)
    else:
        scores = score_model(arguments.model, corpus)
        print(table(scores))
        if arguments.scores:
            arguments.scores.write_text(json.dumps(scores, indent=1, sort_keys=True), "utf-8")


if __name__ == "__main__":
    main()
