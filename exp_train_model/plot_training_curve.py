"""Draw the loss curves of trainings: train, valid and eval, the best epoch marked.

Settings are chosen with the selectors of main_doce_training.py; the step makes no difference.
Without any, the curves are those of the paper's CNN-logits.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from doce_plans.options import add_experiment_path
from exp_train_model.experiment import DEFAULT_FOLDER, command_for, loss_file, training_experiment
from exp_train_model.experiment_sizes import CNN_LOGITS, training_title
from features.files import SPLITS
from transcoder.cli import Parser, reports_errors
from transcoder.errors import MissingFileError

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

COLOURS = {"train": "tab:blue", "valid": "tab:orange", "eval": "tab:green"}


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "-s", "--select", action="append", metavar="SELECTOR",
        help="trainings to draw; those that are not finished are left out. Can be repeated "
        "(default: the paper's CNN-logits)",
    )  # fmt: skip
    add_experiment_path(parser, DEFAULT_FOLDER, "the experiment's files are")
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="where the figures go (default: exports)"
    )
    parser.add_argument("--ext", choices=("png", "pdf", "svg"), default="png")
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    from doce_plans.outputs import load_array
    from transcoder.files import atomic_path

    given = parser.given(args, "experiment_path")
    experiment = training_experiment(args.experiment_path, given)
    settings = {
        setting.replace("step", "train"): None
        for setting in experiment.select(*args.select or [CNN_LOGITS])
        if "train" in setting.plan.factors["step"]
    }
    missing = []
    for setting in settings:
        files = {split: loss_file(setting, experiment, split) for split in SPLITS}
        if not all(file.is_file() for file in files.values()):
            missing.append(setting)
            continue
        figure = draw_curves(
            {k: load_array(f) for k, f in files.items()},
            training_title(setting),
            setting.identifier(),
        )
        folder = args.output or experiment.path("export")
        path = folder / f"{setting.identifier()}_curve.{args.ext}"
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=150)
        print(path)
    if len(missing) == len(settings):
        hint = f"; run for instance: {command_for(missing[0], experiment)}" if missing else ""
        raise MissingFileError(
            f"none of the {len(settings)} trainings selected has left curves in "
            f"{experiment.path('loss')}{hint}"
        )
    if not args.select:
        for setting in missing:
            print(
                f"missing: {setting.identifier()}; run: {command_for(setting, experiment)}",
                file=sys.stderr,
            )
    return 0


def draw_curves(losses: "dict[str, np.ndarray]", title: str, identifier: str = "") -> "Figure":
    """The losses over epochs.

    Parameters
    ----------
    losses
        ``train (n_steps,)``; ``valid`` and ``eval`` ``(n_epochs + 1,)``, from before the first.
    """
    import numpy as np
    from matplotlib.figure import Figure

    n_epochs = len(losses["valid"]) - 1
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    train = losses["train"]
    # a batch is drawn at its end
    axes.plot(np.linspace(0, n_epochs, len(train) + 1)[1:], train, color=COLOURS["train"],
              linewidth=0.5, alpha=0.4)  # fmt: skip
    if n_epochs:
        means = [part.mean() for part in np.array_split(train, n_epochs)]
        axes.plot(np.arange(n_epochs) + 0.5, means, color=COLOURS["train"], label="train")
    for split in ("valid", "eval"):
        axes.plot(range(n_epochs + 1), losses[split], color=COLOURS[split], label=split, marker=".")
    best = int(losses["valid"].argmin())
    axes.axvline(best, color="gray", linestyle="--", linewidth=1)
    axes.plot(best, losses["valid"][best], "*", color="black", markersize=11,
              label=f"best: {losses['valid'][best]:.4g} after epoch {best}")  # fmt: skip
    if min(values.min() for values in losses.values() if len(values)) > 0:
        axes.set_yscale("log")
    axes.set(xlabel="epoch", ylabel="loss")
    axes.set_title(title)
    figure.supxlabel("\n".join(_halves(identifier)), fontsize=7, color="gray")
    axes.legend()
    axes.grid(alpha=0.3)
    return figure


def _halves(identifier: str) -> list[str]:
    parts = identifier.split("+")
    middle = (len(parts) + 1) // 2
    return ["+".join(parts[:middle]), "+".join(parts[middle:])]


if __name__ == "__main__":
    sys.exit(main())
