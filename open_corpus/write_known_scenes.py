"""Write levels of mixtures of data set OPEN, and what is heard in each of their seconds.

The layers of a mixture are known, and so is what most of them hold (open_corpus/content.csv): a
group of sounds counts as heard in a second where one of its layers is not masked by the others.
calibrate_presence.py takes both files; the maps that come with reference_models were made so.
"""

import sys
from pathlib import Path

from open_corpus.files import OpenFiles, add_mixtures
from transcoder.cli import Parser, check_least, reports_errors
from transcoder.files import csv_text


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    add_mixtures(parser, split="valid", scenes=3072)
    parser.add_argument(
        "--output", type=Path, help="folder of the two files (default: OPEN/known there)"
    )
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    check_least(args, scenes=1)

    import numpy as np
    import torch

    from open_corpus.known_scenes import all_groups, known_scenes
    from open_corpus.sound_bank import SoundBank
    from transcoder.files import atomic_write_text
    from transcoder.hdf5_files import written_hdf5
    from transcoder.third_octave import ThirdOctave

    files, groups = OpenFiles.of(args.data_path), all_groups()
    folder = args.output or files.folder / "known"
    name = f"OPEN_{args.split}"
    third_octave = ThirdOctave().float()
    levels, presence = [], []
    for scene, heard in known_scenes(SoundBank(files.bank, args.split), args.scenes, groups):
        levels.append(third_octave(torch.from_numpy(scene.at_32k)).numpy())
        presence.append(heard)
    with written_hdf5(folder / f"{name}.h5") as file:
        file["fast_125ms"] = np.concatenate(levels)
    atomic_write_text(folder / f"{name}_presence.csv", _table(name, groups, presence))
    print(f"wrote {folder / name}.h5 and {name}_presence.csv")
    return 0


def _table(name: str, groups, presence) -> str:
    rows = []
    for second, row in enumerate(row for scene in presence for row in scene.tolist()):
        cells = ("" if value != value else int(value) for value in row)  # NaN: nobody knows
        rows.append((name, second, second + 1, *cells))
    return csv_text(("recording", "start", "end", *groups), rows)


if __name__ == "__main__":
    sys.exit(main())
