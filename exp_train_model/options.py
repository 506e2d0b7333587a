"""How to compute: the options of the training experiment beside doce's. Imports nothing heavy."""

import argparse
from dataclasses import dataclass, fields
from pathlib import Path

from features.files import FEATURES_ROOT
from transcoder.options import add_device

PRECISIONS = ("auto", "fastest", "fp32", "tf32", "bf16", "fp16")
RECIPES = ("published", "quick")
BATCH_SIZE = 64
"""As published."""


@dataclass(frozen=True)
class TrainingOptions:
    """Nothing here changes an identifier; all of it that counts is noted with the model."""

    data_path: Path = FEATURES_ROOT
    device: str = "auto"
    precision: str = "auto"  # of training; scores are always computed in float32
    seed: int = 0
    epochs_override: int | None = None  # in place of the setting's epochs
    max_steps: int | None = None  # end training after so many batches
    batch_size: int = BATCH_SIZE
    recipe: str = "published"  # of RECIPES
    num_workers: int = 4  # processes that read data sets too large for memory
    compile: bool = False
    pretrained: bool = True  # start self and effnet from pretrained weights
    initial_model: Path | None = None  # checkpoint to start from
    published_evaluation: bool = False  # score self and effnet in training mode
    renew: bool = False  # begin again what was made from something else
    distinct_mixtures: int | None = None  # of dataset=OPEN: scenes until they come again
    mixture_workers: int = 0  # processes that mix ahead
    noise_draws: int = 1  # of textured: averaged in the loss

    @property
    def training_precision(self) -> str:
        """`precision`, but what "auto" means: the published one unless the recipe is ours."""
        if self.precision != "auto":
            return self.precision
        return "fastest" if self.recipe == "quick" else "fp32"

    @classmethod
    def from_arguments(cls, args: argparse.Namespace) -> "TrainingOptions":
        """From what the parser of `add_options` understood."""
        return cls(**{field.name: getattr(args, field.name) for field in fields(cls)})

    def as_arguments(self) -> list[str]:
        """The command line that gives these options; usual values are left out."""
        words = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value == field.default:
                continue
            if field.name == "pretrained":
                words.append("--no_pretrained")
            elif field.name in ("data_path", "initial_model"):
                words += [f"--{field.name}", str(Path(value).absolute())]
            else:
                words += [f"--{field.name}"] + ([] if value is True else [str(value)])
        return words


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `TrainingOptions` to a parser."""
    group = parser.add_argument_group("training")
    group.add_argument(
        "--data_path", type=Path, default=FEATURES_ROOT, metavar="FOLDER",
        help="where create_mel_tho_dataset.py has put the features",
    )  # fmt: skip
    add_device(group)
    group.add_argument(
        "--precision", choices=PRECISIONS, default="auto",
        help="of training; auto: fp32 without TF32, as published, with --recipe quick the fastest; "
        "fastest: bf16 on a GPU that has it, else fp16, on a CPU fp32",
    )  # fmt: skip
    group.add_argument(
        "--seed", type=int, default=0, help="of the first weights and of the order of chunks"
    )
    group.add_argument(
        "--epochs_override", type=_whole, metavar="N",
        help="for trials: train N epochs, whatever the setting says",
    )  # fmt: skip
    group.add_argument(
        "--max_steps", type=_whole, metavar="N", help="for trials: end training after N batches"
    )
    group.add_argument(
        "--batch_size", type=_positive, default=BATCH_SIZE, metavar="N",
        help="chunks in a batch; a CPU learns more in the same time from small ones",
    )  # fmt: skip
    group.add_argument(
        "--recipe", choices=RECIPES, default="published",
        help="quick: cnn_pinv with principal components as first filters, BatchNorm (not in the "
        "saved model), Muon and a sinking learning rate; for short trainings",
    )  # fmt: skip
    group.add_argument(
        "--num_workers", type=_whole, default=4, metavar="N",
        help="processes that read a data set that does not fit into memory",
    )  # fmt: skip
    _add_rare_options(group)


def _add_rare_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--initial_model", type=Path, metavar="FILE",
        help="start from this trained model of the same sizes, e.g. CNN-logits from CNN-mels",
    )  # fmt: skip
    group.add_argument(
        "--published_evaluation", action="store_true",
        help="score self and effnet as published, in training mode: statistics of each batch, "
        "dropout on",
    )  # fmt: skip
    group.add_argument(
        "--distinct_mixtures", type=_positive, metavar="N",
        help="dataset=OPEN: after N scenes of 4 s begin again with the first (default: never)",
    )  # fmt: skip
    group.add_argument(
        "--mixture_workers", type=_whole, default=0, metavar="N",
        help="dataset=OPEN: processes that mix ahead of the training",
    )  # fmt: skip
    group.add_argument(
        "--noise_draws", type=_positive, default=1, metavar="N",
        help="textured: draws of its noise whose answers the loss averages (default: 1)",
    )  # fmt: skip
    group.add_argument("--compile", action="store_true", help="use torch.compile")
    group.add_argument(
        "--no_pretrained", dest="pretrained", action="store_false",
        help="for trials: start self and effnet from random weights",
    )  # fmt: skip


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def _positive(text: str) -> int:
    number = _whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
