"""Write report.html: what ran, scores, figures and sounds in one file to look at.

The page holds everything it shows and asks the network for nothing. What has not been made yet is
named together with the command that makes it.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from exp_classif_eval.experiment import DEFAULT_FOLDER as CLASSIF_FOLDER
from exp_classif_eval.experiment import classification_experiment
from exp_train_model.experiment import DEFAULT_FOLDER as TRAIN_FOLDER
from exp_train_model.experiment import training_experiment
from transcoder.cli import Parser, reports_errors
from transcoder.files import EXPORT_ROOT, WORK_ROOT
from transcoder.options import option

if TYPE_CHECKING:
    from reproduction.artefacts import Section

AUDIO_FOLDER = WORK_ROOT / "audio_generated"
_TEMPLATES = Path(__file__).parent / "templates"
_FIGURES = ("spectro*.png", "thirdo*.png", "demo_scenes.png")


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--results",
        type=Path,
        default=EXPORT_ROOT,
        help="folder of the figures; the report goes there",
    )
    parser.add_argument(
        "--train_experiment",
        type=Path,
        default=TRAIN_FOLDER,
        help="folder of the training experiment",
    )
    parser.add_argument(
        "--classif_experiment",
        type=Path,
        default=CLASSIF_FOLDER,
        help="folder of the classification experiment",
    )
    for name in ("train", "classif"):
        parser.add_argument(
            f"--{name}_export",
            type=Path,
            help="folder of that experiment's tables (default: its usual folder for exports)",
        )
    parser.add_argument(
        "--audio",
        type=Path,
        default=AUDIO_FOLDER,
        help="folder where generate_audio.py puts its sounds",
    )
    parser.add_argument("--run_log", type=Path, help="default: <results>/run_log.json")
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)

    from transcoder.files import atomic_write_text

    sections = collect(args)
    path = args.results / "report.html"
    atomic_write_text(path, render(sections))
    print(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)")
    damaged = [line for section in sections.values() for line in section.damaged]
    for line in damaged:
        print(f"damaged: {line}", file=sys.stderr)
    return 1 if damaged else 0


def collect(args: argparse.Namespace) -> "dict[str, Section]":
    """Everything that the report shows, by section, from where the arguments say that it lies."""
    from reproduction.artefacts import gather, read_figure, read_recording, read_run_log
    from reproduction.score_tables import read_table, table_files

    run_log = args.run_log or args.results / "run_log.json"
    usual = training_experiment(args.train_experiment).path("export")
    train_export = args.train_export or usual
    train_options = option("experiment_path", args.train_experiment, TRAIN_FOLDER)
    train_options += option("output", train_export, usual)
    usual = classification_experiment(args.classif_experiment).path("export")
    classif_export = args.classif_export or usual
    classif_command = "python exp_classif_eval/export_classification_results.py"
    classif_command += option("experiment_path", args.classif_experiment, CLASSIF_FOLDER)
    classif_command += option("output", classif_export, usual)
    training_tables = "python exp_train_model/export_experiment_results.py --ext html json png"
    curves = "python exp_train_model/plot_training_curve.py -s cnn/ -s hybridts/"
    figures = f"python plot_spectro_dcase2023.py{option('output', args.results, EXPORT_ROOT)}"
    sounds = "python generate_audio.py street_scene.wav"
    sounds += option("output", args.audio, AUDIO_FOLDER)

    def tables(folder: Path, pattern: str, command: str) -> "Section":
        return gather(table_files(folder, pattern), read_table, command)

    def pictures(folder: Path, patterns: Sequence[str], command: str) -> "Section":
        return gather(_finished(folder, *patterns), read_figure, command)

    return {
        "run": gather(
            [run_log] if run_log.is_file() else [], read_run_log, "python reproduce.py --demo"
        ),
        "training": tables(train_export, "results_training_*", training_tables + train_options),
        "curves": pictures(train_export, ["*_curve.png"], curves + train_options),
        "classification": tables(classif_export, "results_classif_*", classif_command),
        "classes": tables(classif_export, "classes_*", classif_command),
        "confusion": pictures(classif_export, ["classes_*/*.png"], classif_command),
        "figures": pictures(args.results, _FIGURES, figures),
        "sounds": gather(_finished(args.audio, "**/*_original.wav"), read_recording, sounds),
    }


def _finished(folder: Path, *patterns: str) -> list[Path]:
    """Files of each pattern in order, without the hidden ones that a killed program left."""
    found = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    return [path for path in found if not path.name.startswith(".")]


def render(sections: "dict[str, Section]") -> str:
    """The page as HTML, style included."""
    from reproduction.score_tables import css_classes
    from reproduction.wording import condensed, dataset_title, in_words
    from transcoder.pages import page_environment

    environment = page_environment(_TEMPLATES)
    environment.filters |= {
        "duration": duration_text,
        "css_classes": css_classes,
        "condensed": condensed,
        "in_words": in_words,
        "dataset": dataset_title,
    }
    return environment.get_template("report.html.j2").render(sections)


def duration_text(seconds: float) -> str:
    """``4.2 s``, ``3 min 20 s`` or ``2 h 05 min``."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


if __name__ == "__main__":
    sys.exit(main())
