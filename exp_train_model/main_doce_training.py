"""Steps 4 to 6 of the paper: train transcoders, store what they say of the eval split, score them.

The five plans are in ``exp_train_model/plans.py``; ``-p`` shows them.
"""

import functools
import sys
from collections.abc import Sequence

from doce_plans import command_line
from doce_plans.options import add_experiment_path
from doce_plans.options import build_parser as build_doce_parser
from exp_train_model.experiment import DEFAULT_FOLDER, training_experiment
from exp_train_model.options import TrainingOptions, add_options
from transcoder.cli import Parser, reports_errors


def build_parser() -> Parser:
    parser = build_doce_parser(training_experiment())
    add_experiment_path(parser, DEFAULT_FOLDER, "models, outputs and scores are")
    add_options(parser)
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    given = parser.given(args, "experiment_path", "data_path")
    experiment = training_experiment(args.experiment_path, given)
    options = TrainingOptions.from_arguments(args)
    if args.compute is None:
        return command_line.run(experiment, None, args)

    from exp_train_model.identity import IdentifyTraining
    from exp_train_model.steps import run_step
    from exp_train_model.stopping import Stopped, stop_request

    with stop_request() as stop:
        step = functools.partial(run_step, options=options, stop=stop)
        try:
            return command_line.run(experiment, step, args, IdentifyTraining(options))
        except Stopped as stopped:
            print(stopped, file=sys.stderr)
            return stopped.exit_status


if __name__ == "__main__":
    sys.exit(main())
