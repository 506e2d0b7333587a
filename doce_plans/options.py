"""The options that all experiments have: doce's letters, and what they are for."""

import argparse
from pathlib import Path

from doce_plans.experiment import Experiment
from transcoder.cli import Parser

SELECTOR_HELP = """\
selectors (-s), blanks do not matter:
  plan/                                     all settings of a plan, by name or number
  plan/factor=modality+factor=modality      several factors
  plan/step=train,step=metric+epoch=1       several selectors
  plan/{'step': ['train', 'metric']}        a dictionary, or a list of them
  plan/[0, 2, -1, [0, 1]]                   modality numbers, factor by factor; -1 is all
  without a plan name                       settings of all plans; -p shows their factors"""


def build_parser(experiment: Experiment) -> Parser:
    """The options that all experiments have; a main script adds its own to the parser."""
    parser = Parser(description=f"{experiment.name}: {experiment.purpose}", epilog=SELECTOR_HELP)
    parser.add_argument("-v", "--version", action="store_true", help="show versions")
    parser.add_argument("-V", "--verbose", action="store_true", help="log more")
    parser.add_argument(
        "-s", "--select", action="append", metavar="SELECTOR", help="settings to work on; can be "
        "repeated to put settings of several plans together (default: all settings)",
    )  # fmt: skip
    _add_looking_options(parser.add_argument_group("look"))
    _add_running_options(parser.add_argument_group("run"))
    _add_file_options(parser.add_argument_group("clean up"))
    return parser


def _add_looking_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-i", "--information", action="store_true", help="describe the experiment")
    group.add_argument("-p", "--plans", action="store_true", help="show plans, factors, modalities")
    group.add_argument("-l", "--list", action="store_true", help="list the settings, all factors")
    group.add_argument("-f", "--files", action="store_true", help="list the settings' identifiers")
    group.add_argument(
        "-d", "--display", nargs="?", const="", metavar="METRICS",
        help="show results: all metrics, or 1, [1,0] or names; factor:metric puts the modalities "
        "of a factor into columns",
    )  # fmt: skip
    group.add_argument(
        "-e", "--export", nargs="?", const="", metavar="NAME",
        help="with -d: write the table to the folder export, as name.ext (html, csv, tex, png or "
        "pdf), in all formats (name) or under the experiment's name (.ext)",
    )  # fmt: skip


def _add_running_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-c", "--compute", nargs="?", const=1, type=_positive, metavar="N",
        help="run the step of each setting, in N threads if given",
    )  # fmt: skip
    group.add_argument(
        "-S", "--skip", action="store_true", help="skip settings that are done: their outputs "
        "are there and were made from the same data, models and options; one whose outputs were "
        "made from something else fails",
    )  # fmt: skip
    add_renew(group)
    group.add_argument(
        "-D", "--detached", action="store_true", help="go on after failures, list them at the end"
    )
    group.add_argument(
        "-P", "--progress", nargs="?", const="", choices=["", "d", "m", "dm"], metavar="MODE",
        help="show a progress bar, with identifier (d), modality numbers (m) or both (dm)",
    )  # fmt: skip


def add_renew(group: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    """Add the option ``--renew``, which launchers have too."""
    group.add_argument(
        "--renew", action="store_true", help="with -S: run a setting again whose outputs, or "
        "unfinished training, were made from something else",
    )  # fmt: skip


def add_experiment_path(parser: argparse.ArgumentParser, usual: Path, what: str) -> None:
    """Add the option ``--experiment_path``; ``what`` is there."""
    parser.add_argument(
        "--experiment_path", type=Path, default=usual, metavar="FOLDER", help=f"where {what}"
    )


def _add_file_options(group: argparse._ArgumentGroup) -> None:
    actions = group.add_mutually_exclusive_group()
    actions.add_argument(
        "-R", "--remove", metavar="PATH", help="remove the selected settings' files in this path "
        "of the experiment (see -i), or move them to the archive if there is one",
    )  # fmt: skip
    actions.add_argument("-K", "--keep", metavar="PATH", help="remove all other settings' files")
    actions.add_argument("-A", "--archive", metavar="PATH", help="copy files to the archive")
    group.add_argument("--yes", action="store_true", help="do not ask before removing or copying")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)
