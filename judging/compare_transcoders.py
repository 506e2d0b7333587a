"""Compare transcoders side by side on recordings and on held-out scenes.

Every method's class probabilities are held against those that one classifier, the judge, has for
the true Mels: PINV, texture, every checkpoint of the folders given, "constant" (the same answer
to everything) and "floor" (the judge against itself: no method can have less BCE). Measured are Mel
MSE, BCE, KL, top-1 agreement and the correlation of each class; on recordings in labelled
sub-folders, whether they can be told apart; beside a table of listeners' presence, the correlation
with it. With 95 % intervals over the recordings.
"""

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from transcoder.cli import Parser, reports_errors
from transcoder.errors import UsageError
from transcoder.files import REFERENCE_MODELS, sound_path
from transcoder.options import add_classifier, add_device

if TYPE_CHECKING:
    from judging.material import Material
    from judging.methods import Method
    from judging.tables import Row

LOG = logging.getLogger(__name__)


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--recordings",
        type=sound_path,
        nargs="*",
        default=[],
        help="folders of sound files, each a set: in sub-folders named by their label, or with a "
        "table (recording,traffic,voice,birds) of listeners' presence beside them; or single "
        "files, or names of files in audio/",
    )
    parser.add_argument(
        "--features",
        type=Path,
        nargs="*",
        default=[],
        help="files of create_mel_tho_dataset.py, e.g. .../full_eval.h5",
    )
    parser.add_argument(
        "--models",
        type=Path,
        nargs="+",
        default=[REFERENCE_MODELS],
        help="folders of checkpoints",
    )
    add_classifier(parser)
    parser.add_argument("--classifier_weights", type=Path, help="of the judge")
    _add_judgement_options(parser)
    add_device(parser)
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="TABLE",
        help="table (.csv) of an earlier run: its rows of other methods stand beside the new ones",
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="also write the table here (.csv), and beside it a .md and a .png; with --perturb "
        "..._perturbed, too",
    )
    return parser


def _add_judgement_options(parser: Parser) -> None:
    parser.add_argument(
        "--constant",
        type=Path,
        help="the judge's probabilities for the training scenes (.h5 of an oracle step, or .npy), "
        "whose mean is the constant answer; without, it is the mean over each set",
    )
    parser.add_argument(
        "--folds",
        choices=("recording", "source", "fold"),
        default="recording",
        help="left out at a time for the nearest class: each recording, all of a source or of a "
        "fold, which names give as <fold>-<source>-<part>",
    )
    parser.add_argument(
        "--draws",
        type=int,
        nargs="+",
        default=[1, 8],
        help="of the noise of methods with texture, averaged behind the judge; a row for each",
    )
    parser.add_argument(
        "--only", nargs="+", metavar="TEXT", help="methods whose names contain one of these"
    )
    parser.add_argument("--partial", action="store_true",
                        help="also judge what recordings have beyond their last whole second, "
                             "completed with silence, as a second like any other")  # fmt: skip
    parser.add_argument("--perturb", action="store_true",
                        help="also with offsets, missing bands and 1-s levels")  # fmt: skip
    parser.add_argument("--resamples", type=int, default=1000, help="of the bootstrap")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    if not (args.features or args.recordings):
        raise UsageError("nothing to compare on: give --features or --recordings")
    if args.resamples < 1:
        raise UsageError(f"--resamples must be 1 or more, not {args.resamples}")
    if min(args.draws) < 1:
        raise UsageError(f"--draws must be 1 or more, not {min(args.draws)}")
    if args.output is not None and args.output.suffix != ".csv":
        raise UsageError(f"--output {args.output}: give a name that ends in .csv")

    from torch import channels_last

    from judging.methods import find_methods, read_constant
    from judging.tables import beside, read_rows
    from transcoder.classifiers import load_classifier
    from transcoder.devices import choose_device

    device = choose_device(args.device)
    judge = load_classifier(args.classifier, args.classifier_weights).to(device)
    judge.to(memory_format=channels_last)  # twice as fast on a CPU
    methods = find_methods(args.models, judge, device, draws=args.draws)
    if args.only is not None:
        methods = {k: v for k, v in methods.items() if any(text in k for text in args.only)}
    if not methods:
        raise UsageError(f"--only {' '.join(args.only)}: no method has such a name")
    if args.constant is not None:
        methods["constant: mean of training"] = read_constant(args.constant, judge)
    earlier = [] if args.beside is None else read_rows(args.beside, judge.label)
    rows = []
    for material in _material(args, judge):
        rows += compare(material, methods, judge.name, args)
    _report(beside(earlier, rows), judge.label, args.output)
    return 0


def compare(material: "Material", methods: "dict[str, Method]", judge: str, args) -> "list[Row]":
    """What every method reaches on one set, under each perturbation asked for; the floor last."""
    from torch import from_numpy

    from judging.judgement import estimates, floor, run
    from judging.measures import resamples
    from judging.methods import Constant
    from judging.perturbations import PERTURBATIONS, UNPERTURBED
    from judging.tables import Row

    if args.constant is None:
        of_set = Constant(from_numpy(material.truth).mean(dim=0))
        methods = {**methods, "constant: mean of this set": of_set}
    weights = resamples(len(material.recordings), args.resamples, args.seed)

    def row(method: str, judged, levels: str = UNPERTURBED) -> Row:
        values = estimates(judged, material, weights, classifier=judge, folds=args.folds)
        size = (len(material.recordings), len(material.truth))
        return Row(material.name, *size, method, values, levels)

    rows = []
    for name, method in methods.items():
        start = time.perf_counter()
        rows.append(row(name, run(method, material)))
        LOG.info("%s: %s: %.1f s", material.name, name, time.perf_counter() - start)
        if args.perturb and not isinstance(method, Constant):
            for levels, perturb in PERTURBATIONS.items():
                rows.append(row(name, run(method, material, perturb), levels))
    return [*rows, row("floor", floor(material))]


def _material(args, judge) -> "Iterator[Material]":
    from judging.material import load_features, load_recordings

    for path in args.recordings:
        yield load_recordings(path, judge, partial=args.partial)
    for path in args.features:
        yield load_features(path, judge)


def _report(rows: "Sequence[Row]", judge: str, output: Path | None) -> None:
    """Print the table; write it and its figure, and those of the perturbations."""
    from judging.figures import judgement_figure, perturbation_figure
    from judging.perturbations import UNPERTURBED
    from judging.tables import to_frame, to_markdown
    from transcoder.files import atomic_path, atomic_write_text
    from transcoder.plots import save_figure

    plain = [row for row in rows if row.levels == UNPERTURBED]
    print(to_markdown(plain, judge))
    if output is None:
        return
    results = {output: (plain, judgement_figure)}
    if len(plain) < len(rows):
        perturbed = output.with_stem(f"{output.stem}_perturbed")
        results[perturbed] = (rows, perturbation_figure)
    for path, (some, figure) in results.items():
        with atomic_path(path) as temporary:
            to_frame(some, judge).to_csv(temporary, index=False)
        atomic_write_text(path.with_suffix(".md"), to_markdown(some, judge))
        save_figure(figure(some, judge), path.with_suffix(".png"))


if __name__ == "__main__":
    sys.exit(main())
