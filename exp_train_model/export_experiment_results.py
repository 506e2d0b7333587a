"""Step 7 of the paper: tables of the training experiment, our numbers beside the published ones.

Writes results_training_PANN and results_training_YamNet, of DEMO's sounds with _DEMO behind. Bold
is best; blue does not differ significantly from the best (paired t-test over recordings, p > 0.05).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from doce_plans.export import ALL_FORMATS, export_table
from doce_plans.options import add_experiment_path
from doce_plans.plans import plan_on
from exp_train_model.experiment import DEFAULT_FOLDER, training_experiment
from exp_train_model.experiment_sizes import add_choice, model_selectors
from exp_train_model.plans import CLASSIFIERS
from transcoder.cli import Parser, reports_errors
from transcoder.errors import UserError
from transcoder.names import is_demo


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--ext", nargs="+", choices=ALL_FORMATS, default=["png"], help="formats to write"
    )
    add_choice(parser, "--experiment_size", help="default: those with results")
    parser.add_argument(
        "-s", "--select", action="append", metavar="SELECTOR",
        help="rows in place of those: plan/factor=modality+...; can be repeated",
    )  # fmt: skip
    add_experiment_path(parser, DEFAULT_FOLDER, "the experiment's files are")
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER",
        help="where the tables go (default: the experiment's folder for exports, see -i of "
        "main_doce_training.py)",
    )  # fmt: skip
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    from exp_train_model.published_table import only_methods, table_beside_published

    experiment = training_experiment(args.experiment_path)
    folder = args.output or experiment.path("export")
    problems = []
    classifiers = args.classifier or CLASSIFIERS
    for classifier in classifiers:
        selection = experiment.select(*_selectors(args, classifier))
        try:
            table = table_beside_published(experiment, selection, classifier)
        except UserError as error:
            problems.append(f"{classifier}: {error}")
            continue
        if args.size == "restricted" and not args.select:
            table = only_methods(table)
        table = table.with_remarks()
        print(table)
        demo = "_DEMO" if any(is_demo(setting["dataset"]) for setting in selection) else ""
        for extension in args.ext:
            path = folder / f"results_training_{classifier}{demo}.{extension}"
            export_table(table, path)
            print(path)
    failed = args.classifier is not None or len(problems) == len(classifiers)
    for problem in problems:
        print(f"{'error' if failed else 'no table'}: {problem}", file=sys.stderr)
    return 1 if problems and failed else 0


def _selectors(args: argparse.Namespace, classifier: str) -> Sequence[str]:
    """The rows of a table."""
    # the oracle is the truth: its row would be the best in every column
    pinv = f"{plan_on('reference', args.dataset)}/transcoder=pinv+dataset={args.dataset}"
    models = args.select or model_selectors(
        args.size, args.dataset, epoch=args.epoch, classifiers=[classifier]
    )
    return [f"{selector}+step=metric+classifier={classifier}" for selector in [pinv, *models]]


if __name__ == "__main__":
    sys.exit(main())
