"""Options that several programs have, and commands with the paths that a user gave.

Imports nothing heavy, so that --help stays fast.
"""

import argparse
import os
import shlex
from pathlib import Path

from transcoder.files import REFERENCE_MODELS, WORK_ROOT
from transcoder.names import CLASSIFIERS, DEFAULT_CLASS_METHOD, DEFAULT_CLASSIFIER, WAYS

DEVICE_HELP = "auto (CUDA if there is one), cpu, cuda or cuda:N"


def add_classifier(parser: argparse._ActionsContainer) -> None:
    """Add ``--classifier`` of a program that works with one."""
    parser.add_argument(
        "--classifier",
        choices=CLASSIFIERS,
        default=DEFAULT_CLASSIFIER,
        help="that the Mels are for",
    )


def add_classifier_weights(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--classifier_weights",
        type=Path,
        help="weight file of the classifier, when not in pann/ or yamnet/",
    )


def add_models(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--models", type=Path, default=REFERENCE_MODELS, help="folder of the trained transcoders"
    )


def add_device(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")


def add_method(parser: argparse._ActionsContainer) -> None:
    """The way from levels to classes."""
    parser.add_argument(
        "--method",
        choices=tuple(WAYS),
        default=DEFAULT_CLASS_METHOD,
        help="direct tells classes without Mels; the others are transcoders; texture and pinv need "
        "no trained model",
    )


def option(name: str, value: str | os.PathLike, usual: str | os.PathLike) -> str:
    """`` --name value`` to be put behind a command; empty where it is the usual value."""
    same = Path(value).absolute() == Path(usual).absolute()
    return "" if same else f" --{name} {shlex.quote(str(value))}"


def fetch_command(dataset: str, folder: str | os.PathLike = WORK_ROOT) -> str:
    """What fetches a data set, named as in download_datasets.py, into ``folder``."""
    return f"python download_datasets.py -l {dataset}{option('output', folder, WORK_ROOT)}"
