"""Step 10 of the paper: tables and figures of the classification experiment.

Into the folder export: the scores of each data set beside the published ones
(results_classif_urbansound8k, results_classif_sonycust), a table of all classes
(classes_<data set>.csv), and for each setting a confusion matrix and precision-recall curves
(classes_<data set>/).
"""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from doce_plans.export import ALL_FORMATS, export_table
from doce_plans.options import add_experiment_path
from exp_classif_eval.datasets import DATASETS, Dataset, dataset
from exp_classif_eval.experiment import DEFAULT_FOLDER, classification_experiment
from exp_classif_eval.probability_files import METHODS_OF
from transcoder.cli import Parser, reports_errors
from transcoder.errors import UserError
from transcoder.names import TITLES, TRUE_MELS, demo_name, is_demo

NAMES = (*DATASETS, *map(demo_name, DATASETS))

LOG = logging.getLogger(__name__)


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    add_experiment_path(parser, DEFAULT_FOLDER, "main_doce_score.py has put its scores")
    parser.add_argument("--dataset", nargs="+", choices=NAMES, help="default: those with scores")
    parser.add_argument(
        "--ext",
        nargs="+",
        choices=ALL_FORMATS,
        default=list(ALL_FORMATS),
        help="formats of the tables",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="default: the experiment's folder for exports"
    )
    parser.add_argument("--no_figures", action="store_true", help="write the tables only")
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)

    from tqdm.contrib.logging import logging_redirect_tqdm

    given = parser.given(args, "experiment_path")
    experiment = classification_experiment(args.experiment_path, given)
    problems, written = [], []
    for name in args.dataset or NAMES:
        try:
            with logging_redirect_tqdm():
                export_dataset(
                    experiment,
                    dataset(name),
                    args.output or experiment.path("export"),
                    args.ext,
                    figures=not args.no_figures,
                )
            written.append(name)
        except UserError as error:
            if args.dataset or not is_demo(name):
                problems.append(f"{name}: {error}")
    failed = args.dataset is not None or not written
    for line in problems:
        print(f"{'error' if failed else 'no table'}: {line}", file=sys.stderr)
    return 1 if problems and failed else 0


def export_dataset(
    experiment, dataset: Dataset, folder: Path, formats: Sequence[str], *, figures: bool
) -> None:
    """Write the tables and figures of a data set to ``folder``; print where they are."""
    from exp_classif_eval.result_tables import class_tables, score_table, scored_settings
    from transcoder.files import atomic_path

    short_name = dataset.short_name
    scored = scored_settings(experiment, dataset)
    table = score_table(experiment, dataset, scored)
    print(table)
    for extension in formats:
        path = folder / f"results_classif_{short_name}.{extension}"
        export_table(table, path)
        print(path)
    path = folder / f"classes_{short_name}.csv"
    with atomic_path(path) as temporary:
        class_tables(experiment, dataset, scored.settings).to_csv(temporary, float_format="%.4f")
    print(path)
    if figures:
        _export_figures(experiment, dataset, scored.settings, folder / f"classes_{short_name}")


def _export_figures(experiment, dataset: Dataset, settings: Sequence, folder: Path) -> None:
    from tqdm import tqdm

    from exp_classif_eval.figures import confusion_figure, precision_recall_figure
    from exp_classif_eval.result_tables import made_with, read_predictions
    from exp_classif_eval.scores import confusion_matrix
    from transcoder.plots import add_notes, save_figure

    for setting in tqdm(settings, unit="setting", desc=f"Figures of {dataset.name}"):
        found = read_predictions(setting, experiment)
        mels = METHODS_OF[setting["transcoder"]] or TRUE_MELS
        what = f"deep{setting['deep']}_{setting['classifier']}_{mels}"
        how = "trained head" if setting["deep"] else "class groups"
        title = f"{dataset.name}, {setting['classifier']}, {TITLES[mels]}, {how}"
        matrix = confusion_matrix(found.decisions, found.labels)
        n_files = found.labels.sum(axis=0, dtype=int)
        figure = confusion_figure(matrix, n_files, dataset.class_names, title)
        notes = [made_with(setting, experiment)]
        add_notes(figure, notes)
        save_figure(figure, folder / f"confusion_{what}.png")
        figure = precision_recall_figure(found.scores, found.labels, dataset.class_names, title)
        add_notes(figure, notes)
        save_figure(figure, folder / f"precision_recall_{what}.png")
    print(folder)


if __name__ == "__main__":
    sys.exit(main())
