"""Score how far groups of classes can be trusted when they are told from third-octave levels.

Mixtures of OPEN's split eval, of sounds that no training had: for each group, how the probability
by way of the levels goes with that of the audio itself (true Mels, real classifier), and how
much of what is there presence finds, and how much of what it finds is there. Writes a table beside
the calibration that comes with the models; the page of a network shows it.
"""

import sys
from pathlib import Path

from archives.command_line import add_model_options, check_network_options
from open_corpus.files import OpenFiles, add_mixtures
from transcoder.cli import Parser, check_least, reports_errors
from transcoder.errors import MissingFileError
from transcoder.options import add_method


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    add_model_options(parser)
    add_method(parser)
    add_mixtures(parser, split="eval", scenes=1536)
    parser.add_argument(
        "--output", type=Path, help="table (default: that of the way in --models/presence)"
    )
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    check_network_options(args)
    check_least(args, scenes=1)

    from archives.agreement import COLUMNS, agreement_path
    from archives.networks import load_level_classifier, seconds_heard
    from archives.presence_map import find_calibration, way_of
    from open_corpus.group_scores import score_groups
    from open_corpus.sound_bank import SoundBank
    from transcoder.classifiers import load_classifier
    from transcoder.devices import choose_device
    from transcoder.files import atomic_write_text, csv_text

    device = choose_device(args.device)
    judge = load_classifier(args.classifier, args.classifier_weights)
    classify, about = load_level_classifier(
        args.classifier,
        args.method,
        models=args.models,
        weights=args.classifier_weights,
        device=device,
        draws=args.draws,
    )
    heard_s = seconds_heard(args.classifier, args.method, args.window)
    way = way_of(args.classifier, args.method, about, heard_s)
    calibration = find_calibration(args.models, way)
    if calibration is None:
        raise MissingFileError(
            f"{args.models} has no calibration for this way: make one with calibrate_presence.py"
        )
    bank = SoundBank(OpenFiles.of(args.data_path).bank, args.split)
    rows = score_groups(bank, args.scenes, judge, classify, calibration)
    mark = {"transcoder_fingerprint": about["transcoder_fingerprint"]}
    cells = ([(row | mark)[name] for name in COLUMNS] for row in rows)
    path = args.output or agreement_path(args.models, way)
    atomic_write_text(path, csv_text(COLUMNS, cells))
    print(f"judge: {judge.label}; wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
