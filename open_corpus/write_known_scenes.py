"""Write levels of mixtures of data set OPEN, and what is heard in each of their seconds.

The layers of a mixture are known, and so is what most of them hold (open_corpus/content.csv): a
group of sounds counts as heard in a second where one of its layers is not masked by the others.
calibrate_presence.py takes both files; the maps that come with reference_models were made so.
"""

import sys
from pathlib import Path

from features.files import FEATURES_ROOT, SPLITS
from open_corpus.files import OpenFiles
from transcoder.cli import Parser, reports_errors
from transcoder.errors import UsageError
from transcoder.files import csv_text


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--data_path", type=Path, default=FEATURES_ROOT, help="folder that OPEN's features lie in"
    )
    parser.add_argument(
        "--split", choices=SPLITS[1:], default="valid", help="whose sounds the mixtures have"
    )
    parser.add_argument("--scenes", type=int, default=3072, help="how many, of 4 s each")
    parser.add_argument(
        "--output", type=Path, help="folder of the two files (default: OPEN/known there)"
    )
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    if args.scenes < 1:
        raise UsageError(f"--scenes must be 1 or more, not {args.scenes}")

    import numpy as np
    import torch

    from open_corpus.known_scenes import all_groups, known_scenes
    from open_corpus.sound_bank import SoundBank
    from transcoder.files import atomic_write_text
    from transcoder.third_octave import ThirdOctave

    files, groups = OpenFiles.of(args.data_path), all_groups()
    folder = args.output or files.folder / "known"
    name = f"OPEN_{args.split}"
    third_octave = ThirdOctave().float()
    levels, presence = [], []
    for scene, heard in known_scenes(SoundBank(files.bank, args.split), args.scenes, groups):
        levels.append(third_octave(torch.from_numpy(scene.at_32k)).numpy())
        presence.append(heard)
    _write_levels(folder / f"{name}.h5", np.concatenate(levels))
    atomic_write_text(folder / f"{name}_presence.csv", _table(name, groups, presence))
    print(f"wrote {folder / name}.h5 and {name}_presence.csv")
    return 0


def _write_levels(path: Path, levels) -> None:
    from transcoder.hdf5_files import written_hdf5

    with written_hdf5(path) as file:
        file["fast_125ms"] = levels


def _table(name: str, groups, presence) -> str:
    rows = []
    for second, row in enumerate(row for scene in presence for row in scene.tolist()):
        cells = ("" if value != value else int(value) for value in row)  # NaN: nobody knows
        rows.append((name, second, second + 1, *cells))
    return csv_text(("recording", "start", "end", *groups), rows)


if __name__ == "__main__":
    sys.exit(main())
