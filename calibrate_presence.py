"""Fit what turns a classifier's probabilities into the time that a group of sounds is present.

LEVELS are recordings, archives of levels, or folders of them; ANNOTATIONS is a table (.csv) of what
was heard in them: a row for each recording with the share of its time, 0 to 1, in which each group
was heard (columns recording, traffic, voice...; start and end, in seconds or as dates, where it is
of a part of it), or a row for each event (recording, start, end, group). Writes, as JSON, a rising
map for each group and what it was fitted on; classify_third_octave.py and classify_audio.py take it
with --calibration. Of a line in log-odds (logistic) and a free rising curve (isotonic) it is the
one with less error on recordings that were left out.
"""

import sys
from pathlib import Path

from archives.command_line import (
    add_level_options,
    add_model_options,
    add_reading_options,
    check_network_options,
    choice_of,
    default_offset,
    read_options,
)
from transcoder.cli import Parser, reports_errors
from transcoder.errors import UsageError, UserError
from transcoder.files import WORK_ROOT
from transcoder.options import add_method


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("levels", nargs="+", help="files or folders of levels, or of sound")
    parser.add_argument("annotations", type=Path, help="table of what was heard in them")
    add_model_options(parser)
    add_method(parser)
    parser.add_argument("--groups", help="table of other groups, as for classify_third_octave.py")
    parser.add_argument("--note", help="what the annotations are of, to stand in the file")
    parser.add_argument(
        "--output", type=Path, default=WORK_ROOT / "presence.json", help="file of the maps"
    )
    add_level_options(parser)
    add_reading_options(parser)
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    check_network_options(args)
    if args.auto_offset:
        raise UsageError("give the --db_offset that classify_third_octave.py --auto_offset prints")
    if args.output.suffix.lower() != ".json":
        raise UsageError(f"--output {args.output}: give a name that ends with .json")

    from archives.annotated_seconds import collect, find_annotated
    from archives.annotations import read_annotations
    from archives.networks import known_groups
    from archives.presence_fit import describe_scores, fit_groups
    from archives.presence_map import Calibration, find_calibration

    names, annotations = read_annotations(args.annotations)
    selection = known_groups(args.classifier, names, args.groups)
    tasks = find_annotated(args.levels, annotations)
    listening, way = _listening(args, selection)
    heard = collect(tasks, annotations, listening)
    groups, left_out = fit_groups(heard, selection, args.classifier)
    for line in left_out:
        print(f"left out: {line}", file=sys.stderr)
    if not groups:
        raise UserError(f"{args.annotations}: there is no group that a map can be fitted for")
    seconds = max(len(group.probability) for group in heard.values()) * listening.heard_s
    fitted_on = {
        "annotations": args.annotations.name,
        "recordings": len(tasks),
        "seconds": seconds,
        "offset_db": listening.scale.offset_db,
        "note": args.note,
    }
    print(f"{len(tasks)} recordings, {seconds} s, {way['method']} for {way['classifier']}")
    usual = find_calibration(args.models, way)
    print("\n".join(describe_scores(groups, heard, usual)))
    Calibration(way, fitted_on, groups).save(args.output)
    print(f"wrote {args.output}")
    return 0


def _listening(args, selection):
    """How the files are heard, and the way from levels to classes that the maps are for."""
    from archives.annotated_seconds import Listening
    from archives.levels import LevelScale
    from archives.networks import load_way

    classify, _, heard_s, way = load_way(choice_of(args))
    scale = LevelScale(default_offset(args), args.missing_band_db)
    listening = Listening(classify, selection, read_options(args), scale, heard_s)
    return listening, way


if __name__ == "__main__":
    sys.exit(main())
