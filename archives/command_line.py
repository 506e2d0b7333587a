"""Options of the programs that read archives of levels; imports nothing heavy."""

import sys
from pathlib import Path

from archives.options import MISSING_BAND_DB, OFFSETS_DB, SENSORS, Choice, ReadOptions, with_sensor
from transcoder.cli import Parser
from transcoder.errors import UsageError
from transcoder.files import WORK_ROOT
from transcoder.names import DEFAULT_CLASS_METHOD
from transcoder.options import add_classifier, add_classifier_weights, add_device, add_models


def add_level_options(parser: Parser) -> None:
    """How levels come to the networks' scale."""
    levels = parser.add_argument_group("levels")
    levels.add_argument(
        "--db_offset",
        type=float,
        help="added to every level, to bring it to the scale of full-scale audio (default: 0, or "
        "what --sensor knows)",
    )
    levels.add_argument(
        "--auto_offset",
        action="store_true",
        help="measure the offset: the 99th percentile of the 1-s broadband levels comes to full "
        "scale (23 dB); it is printed for reuse",
    )
    levels.add_argument(
        "--missing_band_db",
        type=float,
        default=MISSING_BAND_DB,
        help="level for bands that the archive lacks, after the offset",
    )


def add_reading_options(parser: Parser):
    """What files do not tell about themselves; gives the group, for more of them."""
    reading = parser.add_argument_group("reading")
    reading.add_argument("--dataset", default=ReadOptions.data_set, help="of .h5 and .npz files")
    reading.add_argument("--time_column", help="of tables (default: the one named like it)")
    reading.add_argument("--time_format", help="of strptime (default: what the stamps show)")
    reading.add_argument(
        "--level", help="the quantity to read where there are several: LZeq, LAeq, LZFmax..."
    )
    reading.add_argument(
        "--sensor", choices=tuple(SENSORS), help="whose files they are, where it cannot be guessed"
    )
    reading.add_argument(
        "--step", type=float, help="seconds from frame to frame, of arrays without time stamps"
    )
    reading.add_argument(
        "--allow_slow",
        action="store_true",
        help="take levels every 200 ms to 1 s, which carry less than the networks need",
    )
    return reading


def add_model_options(parser: Parser) -> None:
    """Which networks tell the classes, and where."""
    add_classifier(parser)
    add_models(parser)
    add_classifier_weights(parser)
    parser.add_argument(
        "--draws",
        type=int,
        default=4,
        help="of the noise in texture and textured: so many Mels are heard, and averaged",
    )
    add_device(parser)
    parser.add_argument(
        "--window",
        type=int,
        help="seconds classified as one (default: 1 for YamNet, 10 for PANN)",
    )


def add_network_options(parser: Parser) -> None:
    """The options that classify_audio.py has too."""
    add_model_options(parser)
    parser.add_argument("--top_k", type=int, help="keep only the K most probable classes")
    parser.add_argument(
        "--groups",
        help="keep groups of classes: tvb (traffic, voice, birds), sonyc_ust, urbansound8k, or a "
        ".csv or .xlsx with columns target_class_name, audioset_id, audioset_name",
    )
    parser.add_argument(
        "--calibration",
        metavar="FILE",
        help="of calibrate_presence.py: what turns probabilities into the time that a group is "
        "present; none: do without (default: what comes with the models)",
    )
    parser.add_argument(
        "--output", type=Path, default=WORK_ROOT / "sound_classes", help="folder of the results"
    )


def check_network_options(args) -> None:
    """Raise `UsageError` for values of `add_network_options` that make no sense."""
    if not 1 <= args.draws <= 100:
        raise UsageError(f"--draws must be 1 to 100, not {args.draws}")
    if args.window is not None and not 1 <= args.window <= 3600:
        raise UsageError(f"--window must be 1 to 3600 s, not {args.window}")


def known_offset(args) -> float | None:
    """The offset in dB that the command line gives, or its sensor; None if neither does."""
    return OFFSETS_DB.get(args.sensor) if args.db_offset is None else args.db_offset


def default_offset(args) -> float:
    """The offset in dB of levels that are not measured first."""
    return 0.0 if args.auto_offset else known_offset(args) or 0.0


def read_options(args) -> ReadOptions:
    """What the command line says of the inputs, the presets of ``--sensor`` below it."""
    read = ReadOptions(
        data_set=args.dataset,
        time_column=args.time_column,
        time_format=args.time_format,
        step_s=args.step,
        allow_slow=args.allow_slow,
        level=args.level,
    )
    return with_sensor(read, args.sensor)


def choice_of(args) -> Choice:
    """What the command line says of networks and groups."""
    return Choice(
        args.classifier,
        getattr(args, "method", DEFAULT_CLASS_METHOD),  # classify_audio.py takes all
        args.models.resolve(),
        args.classifier_weights and args.classifier_weights.resolve(),
        args.device,
        args.draws,
        args.groups,
        getattr(args, "top_k", None),  # calibrate_presence.py makes the maps, of whole groups
        args.window,
        getattr(args, "calibration", None),
    )


def report_failures(failures: list[str]) -> int:
    """Tell of each that failed, in a line; gives the exit status of the program."""
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failures else 0
