"""Tell what is heard in a recording: from the audio itself, and from its third-octave levels.

Side by side for each class or group: the mean probability from the true Mel spectrogram and
behind each transcoder, and how well the two agree over time. This is what a sensor that stores
only third-octave levels loses for the sounds you care about. Writes, into --output: the
probabilities over time of every way (<name>_<way>.csv) and a figure of them. Where a way has a
calibration (--calibration; direct comes with one) its table also says how present the groups are.
"""

import sys
from dataclasses import replace
from pathlib import Path

from archives.command_line import add_network_options, check_network_options, choice_of
from transcoder.cli import Parser, reports_errors
from transcoder.files import printable, remove_temporary, sound_path
from transcoder.locks import only_run
from transcoder.names import TITLES

SHOWN = 10


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("audio", type=sound_path, help="sound file, or the name of one in audio/")
    add_network_options(parser)
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    check_network_options(args)
    with only_run(args.output / args.audio.stem):
        remove_temporary(*(_table_path(args, way) for way in TITLES.values()), _figure_path(args))
        return _run(args)


def _run(args) -> int:
    from archives.frames import NO_CLOCK
    from archives.networks import choose_selection, estimates_of
    from archives.side_by_side import (
        UnitListener,
        agreement_figure,
        agreement_table,
        classify_ways,
        presence_lines,
    )
    from archives.writers import Description
    from transcoder.audio import open_recording
    from transcoder.classifiers import load_classifier
    from transcoder.devices import choose_device
    from transcoder.names import WAYS
    from transcoder.plots import save_figure
    from transcoder.transcode import load_transcoders, models_used

    choice = choice_of(args)
    unit_s, device = choice.unit_s, choose_device(args.device)
    selection = choose_selection(args.classifier, groups=args.groups, top_k=args.top_k)
    sound = open_recording(args.audio)
    classifier = load_classifier(args.classifier, args.classifier_weights).to(device)
    transcoders, missing = load_transcoders(
        args.classifier, models=args.models, judge=classifier, device=device, methods=WAYS
    )
    estimates = estimates_of(transcoders, classifier, choice, selection)
    listener = UnitListener(classifier, unit_s, args.draws)
    ways = classify_ways(sound, transcoders, listener, selection, estimates)
    about = {"classifier": classifier.label, "mels": "", "source": printable(args.audio.name)}
    of_all = Description(selection, NO_CLOCK, unit_s, about)
    _write_tables(args, ways, transcoders, estimates, of_all)
    used = models_used(transcoders, classifier)
    save_figure(agreement_figure(ways, selection, unit_s, SHOWN, used), _figure_path(args))
    print(f"{args.audio}, {classifier.label}; mean probability, (agreement over time)")
    print("\n".join(agreement_table(ways, selection, SHOWN)))
    print(*presence_lines(ways, estimates), *used, f"wrote {args.output}", sep="\n")
    for line in missing:
        print(f"missing: {line}", file=sys.stderr)
    return 0


def _write_tables(args, ways, transcoders, estimates, of_all) -> None:
    """One table for each way; ``of_all`` is what their descriptions have in common."""
    from archives.writers import write_rows
    from transcoder.names import WAYS

    methods = {WAYS[method]: method for method in transcoders}
    for way, rows in ways.items():
        about = {**of_all.about, "mels": way}
        if way in methods:
            about["transcoder"] = transcoders[methods[way]].source
        estimate = estimates.get(methods.get(way))
        description = replace(of_all, about=about, estimate=estimate)
        write_rows(_table_path(args, way), [rows], description)


def _figure_path(args) -> Path:
    return args.output / f"{args.audio.stem}_classes.png"


def _table_path(args, way: str) -> Path:
    return args.output / f"{args.audio.stem}_{way.lower().replace(' ', '_')}.csv"


if __name__ == "__main__":
    sys.exit(main())
