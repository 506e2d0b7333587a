"""Make the training data: third-octave levels and Mels of every second of TAU's clips.

Writes, below <output_path>/<dataset_name>/ and named after the data set:
  _train.h5 _valid.h5 _eval.h5   the features (features/reading.py reads them)
  _splits.csv                    all clips of all splits
  _problems.csv                  clips that were left out, or that are odd, and why
  _settings.yaml                 what was asked for

A file is cut into seconds. A last part of half a second or more is completed with silence, a
shorter one is left out. Files that are unreadable, silent, not finite, shorter than half a second
or longer than a minute are left out. A run that was interrupted goes on where it was.
"""

import os
import sys
from pathlib import Path

from features.files import FEATURES_ROOT, SPLITS
from features.splits import (
    DATASET_TYPES,
    N_TEST_ROWS,
    PUBLISHED_DEVICES,
    RATIOS,
    SplitConfig,
)
from transcoder.cli import Parser, reports_errors
from transcoder.errors import UsageError
from transcoder.files import WORK_ROOT
from transcoder.names import TAU_FOLDER, demo_name, is_demo_folder
from transcoder.settings import FRONT_ENDS, THIRD_OCTAVE

_NAMES = {"full": "full", "urban": "urban", "test": "TEST"}  # as in the experiment plans
_SHOWN_PROBLEMS = 10


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    group = parser.add_argument_group("where")
    group.add_argument(
        "--dataset_name",
        metavar="NAME",
        help="of the result (default: the name that the experiments know: TEST, full or urban "
        "after the type, with _mel_time or _mel_freq, and DEMO- before it for DEMO's sounds)",
    )
    group.add_argument(
        "--audio_dataset_path", type=Path, default=WORK_ROOT, help="folder of the data sets"
    )
    group.add_argument(
        "--audio_dataset_name", default=TAU_FOLDER, help="folder of the clips below it"
    )
    group.add_argument(
        "--output_path", type=Path, default=FEATURES_ROOT, help="folder of the results"
    )
    group.add_argument(
        "--setting_data_path",
        type=Path,
        metavar="DIR",
        help="folder of the settings file (default: beside the features)",
    )
    _add_split_options(parser)
    _add_feature_options(parser)
    group = parser.add_argument_group("how")
    group.add_argument(
        "--workers", type=int, default=_n_cores(), help="threads; the result is always the same"
    )
    group.add_argument(
        "--strict", action="store_true", help="fail if any clip cannot be used (exit status 1)"
    )
    group.add_argument(
        "--overwrite", action="store_true", help="replace a data set of the same name"
    )
    return parser


def _add_split_options(parser: Parser) -> None:
    group = parser.add_argument_group("which clips")
    group.add_argument(
        "--dataset_type",
        choices=DATASET_TYPES,
        default="full",
        help="full: all scenes; urban: pedestrian and traffic streets, squares and parks; "
        f"test: the first {N_TEST_ROWS} clips",
    )
    group.add_argument(
        "--devices_keep",
        nargs="+",
        metavar="DEVICE",
        help="recorders to take, such as a b s1, or all "
        f"(default: {' '.join(PUBLISHED_DEVICES)}; all for --dataset_type test)",
    )
    for split, ratio in zip(SPLITS, RATIOS, strict=True):
        group.add_argument(
            f"--{split}_ratio", type=float, default=ratio, metavar="X", help=f"share of {split}"
        )
    by = group.add_mutually_exclusive_group()
    by.add_argument(
        "--split_by_city", action="store_true", help="the published split of the cities"
    )
    by.add_argument(
        "--split_by_location",
        action="store_true",
        help="share out the places: all clips of a place come into the same split",
    )
    group.add_argument("--limit", type=int, metavar="N", help="only the first N of these clips")


def _add_feature_options(parser: Parser) -> None:
    group = parser.add_argument_group("which features")
    for name, other, suffix in (
        ("tho_freq", "Mel bands", "_mel_freq"),
        ("tho_time", "Mel frames (100 a second)", "_mel_time"),
    ):
        group.add_argument(
            f"--{name}",
            type=_boolean,
            nargs="?",
            const=True,
            default=True,
            metavar="true|false",
            help=f"false: levels in {other}, the ablation {suffix}",
        )
    group.add_argument(
        "--mel_template",
        choices=[*(name.lower() for name in FRONT_ENDS), "both"],
        default="both",
        help="classifiers whose Mels are stored",
    )
    group.add_argument(
        "--flen",
        type=int,
        default=THIRD_OCTAVE.frame_length,
        help="samples in a third-octave frame; the transcoders expect the default",
    )
    group.add_argument(
        "--hlen",
        type=int,
        default=THIRD_OCTAVE.hop_length,
        help="samples between third-octave frames; the transcoders expect the default",
    )
    group.add_argument("--dtype", choices=["float32", "float16"], default="float32")


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    if args.workers < 1:
        raise UsageError(f"{args.workers} workers are impossible: give 1 or more")
    splits = _split_config(args)
    input_type = _input_type(args)
    sounds = args.audio_dataset_path / args.audio_dataset_name
    is_demo = is_demo_folder(sounds)
    name = _dataset_name(args, input_type, is_demo)

    from features.clips import FeatureConfig
    from features.dataset import DatasetConfig, DatasetFiles, create_dataset

    classifiers = [n for n in FRONT_ENDS if args.mel_template in (n.lower(), "both")]
    features = FeatureConfig(input_type, tuple(classifiers), args.flen, args.hlen, args.dtype)
    files = DatasetFiles.of(args.output_path, name, args.setting_data_path)
    problems, was_complete = create_dataset(
        sounds,
        files,
        DatasetConfig(name, splits, features, is_demo),
        workers=args.workers,
        strict=args.strict,
        overwrite=args.overwrite,
    )
    _report(files, problems, was_complete)
    return 0


def _split_config(args) -> SplitConfig:
    ratios = (args.train_ratio, args.valid_ratio, args.eval_ratio)
    if args.split_by_city and ratios != RATIOS:
        raise UsageError("with --split_by_city the cities give the ratios: leave them out")
    devices = args.devices_keep
    if devices is None:
        devices = PUBLISHED_DEVICES if args.dataset_type != "test" else ()
    elif devices == ["all"]:
        devices = ()
    split_by = "city" if args.split_by_city else "location" if args.split_by_location else "file"
    return SplitConfig(args.dataset_type, tuple(devices), split_by, ratios, args.limit)


def _input_type(args) -> str:
    if args.tho_freq and args.tho_time:
        return "third_octave"
    if args.tho_freq:
        return "mel_time"
    if args.tho_time:
        return "mel_freq"
    raise UsageError("--tho_freq false --tho_time false leaves Mels alone: set one of them to true")


def _dataset_name(args, input_type: str, is_demo: bool) -> str:
    suffix = "" if input_type == "third_octave" else f"_{input_type}"
    usual = _NAMES[args.dataset_type] + suffix
    if is_demo:
        usual = demo_name(usual)
    name = args.dataset_name or usual
    if Path(name).name != name or name.startswith("."):
        raise UsageError(f"--dataset_name {name!r} must be a name, not a path")
    others = {known + s for known in _NAMES.values() for s in ("", "_mel_time", "_mel_freq")}
    others |= set(map(demo_name, others))
    if name != usual and name in others:
        raise UsageError(
            f"--dataset_name {name} is kept for another --dataset_type, --tho_... or other sounds: "
            f"with these the experiments know {usual}; leave --dataset_name out or choose a new one"
        )
    return name


def _boolean(text: str) -> bool:
    values = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in values:
        from argparse import ArgumentTypeError

        raise ArgumentTypeError(f"{text!r} is neither true nor false")
    return values[text.lower()]


def _n_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # cores of this job, not of the whole cluster node
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _report(files, problems, was_complete: bool) -> None:
    import h5py

    print(f"{files.folder}:" + (" is complete, nothing to do" if was_complete else ""))
    for split, path in zip(SPLITS, files.splits, strict=True):
        with h5py.File(path, "r") as file:
            n_files, n_rows = len(file["file_names"]), len(file["scene"])
        size = path.stat().st_size / 1e6
        print(f"  {path.name}: {n_rows} seconds of {n_files} {split} clips ({size:.1f} MB)")
    if not problems:
        return
    n_skipped = sum(problem.skipped for problem in problems)
    print(f"{n_skipped} clips left out, {len(problems) - n_skipped} used but odd:")
    for problem in sorted(problems, key=lambda problem: not problem.skipped)[:_SHOWN_PROBLEMS]:
        print(
            f"  {'left out' if problem.skipped else 'used'}: {problem.filename}: {problem.reason}"
        )
    print(f"  all of them: {files.problems}")


if __name__ == "__main__":
    sys.exit(main())
