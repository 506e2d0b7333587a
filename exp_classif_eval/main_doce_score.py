"""Step 9 of the paper: score class probabilities on UrbanSound8K and SONYC-UST.

The plans are in ``exp_classif_eval/plans.py``; ``-p`` shows them.
"""

import sys
from collections.abc import Sequence

from doce_plans.command_line import run
from doce_plans.options import add_experiment_path
from doce_plans.options import build_parser as build_shared_parser
from exp_classif_eval.experiment import DEFAULT_FOLDER, classification_experiment
from exp_classif_eval.options import RunOptions, add_options
from transcoder.cli import Parser, reports_errors


def build_parser() -> Parser:
    parser = build_shared_parser(classification_experiment())
    add_experiment_path(parser, DEFAULT_FOLDER, "heads, predictions and scores are")
    add_options(parser)
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    given = parser.given(args, "experiment_path", "audio_dataset_path", "data_path")
    experiment = classification_experiment(args.experiment_path, given)
    if args.compute is None:
        return run(experiment, None, args)

    import torch

    from exp_classif_eval.steps import Steps

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # the heads are small: more threads wait for each other
    try:
        steps = Steps(RunOptions.from_arguments(args))
        return run(experiment, steps, args, steps.identify)
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    sys.exit(main())
