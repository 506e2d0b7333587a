"""How to score: the experiment's own options beside doce's. Imports nothing heavy."""

import argparse
from dataclasses import dataclass, fields
from pathlib import Path

from exp_classif_eval.probability_files import PROBABILITIES_ROOT
from transcoder.files import WORK_ROOT
from transcoder.options import add_device


@dataclass(frozen=True)
class RunOptions:
    """Nothing here changes an identifier."""

    audio_dataset_path: Path = WORK_ROOT
    data_path: Path = PROBABILITIES_ROOT
    published_labels: bool = False
    device: str = "auto"
    seed: int = 0

    @classmethod
    def from_arguments(cls, args: argparse.Namespace) -> "RunOptions":
        """From what the parser of `add_options` understood."""
        return cls(**{field.name: getattr(args, field.name) for field in fields(cls)})


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `RunOptions` to a parser."""
    group = parser.add_argument_group("scoring")
    group.add_argument(
        "--audio_dataset_path", type=Path, default=WORK_ROOT, metavar="FOLDER",
        help="folder that has the folders of the data sets, whose tables of labels are used",
    )  # fmt: skip
    group.add_argument(
        "--data_path", type=Path, default=PROBABILITIES_ROOT, metavar="FOLDER",
        help="where create_logit_dataset.py has put the class probabilities",
    )  # fmt: skip
    group.add_argument(
        "--published_labels", action="store_true",
        help="SONYC-UST: a class that nobody labelled is present, as in the published scores; "
        "without it, absent",
    )  # fmt: skip
    add_device(group)
    group.add_argument(
        "--seed", type=int, default=0, help="of the heads' first weights and of their batches"
    )
