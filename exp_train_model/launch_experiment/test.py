"""Try a plan with one command: one setting of it, one epoch, on the data set TEST.

All steps of the oracle, of PINV and of the smallest model of each plan. The models need what the
oracle leaves: run `--plan all`, or the oracle first. TEST is made by
`python exp_train_model/create_mel_tho_dataset.py --dataset_type test`.
"""

import sys
from collections.abc import Sequence

from doce_plans.options import add_experiment_path, add_renew
from exp_train_model.experiment import DEFAULT_FOLDER
from exp_train_model.launch_experiment.launch_exp_py import launch
from exp_train_model.options import add_options
from transcoder.cli import Parser, reports_errors

DATASET = "TEST"
_MODEL = f"dataset={DATASET}+classifier=YamNet+epoch=1+learning_rate=-3"
SELECTORS = {
    "oracle": f"reference/transcoder=oracle+dataset={DATASET}+classifier=YamNet",
    "pinv": f"reference/transcoder=pinv+dataset={DATASET}+classifier=YamNet",
    "mlp": f"mlp/transcoder=mlp_pinv+{_MODEL}+hidden1=100+hidden2=1000",
    "cnn": f"cnn/{_MODEL}+kernel_size=3+nb_layers=3+dilation=1+nb_channels=16",
    "hybridts": f"hybridts/{_MODEL}+dilation=1+prop_logit=50",
    "ts": f"ts/{_MODEL}",
}
"""What stands for each plan, in the order that they need each other."""


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--plan", choices=(*SELECTORS, "all"), default="all", help="the plan to try"
    )
    add_experiment_path(parser, DEFAULT_FOLDER, "models, outputs and scores go")
    parser.add_argument("--dry_run", action="store_true", help="only show the commands")
    add_options(parser)
    add_renew(parser)
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    plans = SELECTORS if args.plan == "all" else (args.plan,)
    args.dataset = DATASET
    return launch(args, {plan: SELECTORS[plan] for plan in plans})


if __name__ == "__main__":
    sys.exit(main())
