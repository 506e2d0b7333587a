"""What all launchers have in common: the options that choose models, and their commands."""

import argparse
import sys

from doce_plans.options import add_experiment_path, add_renew
from exp_train_model.experiment import DEFAULT_FOLDER
from exp_train_model.experiment_sizes import (
    add_choice,
    model_selectors,
    reference_selector,
)
from exp_train_model.options import TrainingOptions, add_options
from exp_train_model.plans import CLASSIFIERS
from transcoder.programs import PROJECT_ROOT

MAIN_SCRIPT = PROJECT_ROOT / "exp_train_model" / "main_doce_training.py"


def add_launch_options(parser: argparse.ArgumentParser, size_option: str) -> None:
    """Add the options that choose models, and those of `TrainingOptions`."""
    add_choice(parser, size_option, default=CLASSIFIERS, help="whose models")
    add_experiment_path(parser, DEFAULT_FOLDER, "models, outputs and scores go")
    add_options(parser)
    add_renew(parser)


def chosen_references(args: argparse.Namespace) -> list[str]:
    """Selectors of the reference plan, one for each classifier: to be run before all others."""
    return [reference_selector(args.dataset, classifier) for classifier in args.classifier]


def chosen_models(args: argparse.Namespace) -> list[str]:
    """A selector for each model to train."""
    return model_selectors(args.size, args.dataset, epoch=args.epoch, classifiers=args.classifier)


def main_command(args: argparse.Namespace) -> list[str]:
    """The command that runs selected settings, but for the selector; finished ones are skipped."""
    words = [sys.executable, str(MAIN_SCRIPT), "-c", "-S"]
    if args.experiment_path != DEFAULT_FOLDER:
        words += ["--experiment_path", str(args.experiment_path.absolute())]
    return words + TrainingOptions.from_arguments(args).as_arguments()
