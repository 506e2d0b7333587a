"""Make the data set OPEN: endless mixtures of open recordings and synthesised sounds.

Downloads the Debian packages of the table with apt-get (nothing is installed), takes the sounds
out of them, renders DEMO's synthesisers, and writes all of a split's sounds into a bank. Training
with dataset=OPEN mixes scenes from the train bank while it goes on; valid and eval are a fixed
number of scenes from other recordings. open_corpus_sources.csv lists every recording with its
licence.
"""

import sys
from pathlib import Path

from features.files import FEATURES_ROOT, OPEN, SPLITS, split_path
from open_corpus.files import OpenFiles, add_options
from transcoder.cli import Parser, check_least, reports_errors

_RENDERINGS = {"train": 80, "valid": 24, "eval": 24}
_SCENES = {"train": 64, "valid": 768, "eval": 768}


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--output_path",
        type=Path,
        default=FEATURES_ROOT,
        help="folder of the data sets; OPEN takes 3.3 GB of packages there, 1.2 GB of sounds, "
        "3.5 GB of banks, and 13 kB for each second that a training mixes",
    )
    add_options(parser, packages="OUTPUT/OPEN/packages")
    parser.add_argument(
        "--blocks",
        type=int,
        default=0,
        metavar="N",
        help="mix the first N blocks of 256 s for YAMNet now, not while training",
    )
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    check_least(args, workers=1, seed=0, blocks=0)

    from open_corpus.selection import collect

    files = OpenFiles.of(args.output_path)
    packages = args.packages or files.folder / "packages"
    sources, problems = collect(
        args.table, packages, files.sources, seed=args.seed, workers=args.workers
    )
    _write_banks(files, sources, args)
    _write_features(files, args.output_path)
    if args.blocks:
        _mix(files, args.blocks)
    for line in problems:
        print(f"left out: {line}", file=sys.stderr)
    print(f"wrote {files.folder}")
    return 1 if problems else 0


def _write_banks(files: OpenFiles, sources: list, args) -> None:
    from open_corpus.layout import sources_table
    from open_corpus.sound_bank import write_bank
    from transcoder.files import atomic_write_text

    for split in SPLITS:
        write_bank(
            files,
            split,
            [source for source, its_split in sources if its_split == split],
            renderings=_RENDERINGS[split],
            seed=args.seed,
            workers=args.workers,
        )
    atomic_write_text(files.sources_table, sources_table(sources))


def _write_features(files: OpenFiles, data_path: Path) -> None:
    from open_corpus.blocks import write_scenes
    from open_corpus.mixtures import Mixtures
    from open_corpus.sound_bank import SoundBank

    for split in SPLITS:
        mixtures = Mixtures(SoundBank(files.bank, split), 0)
        write_scenes(split_path(data_path, OPEN, split), mixtures, _SCENES[split])


def _mix(files: OpenFiles, n_blocks: int) -> None:
    from tqdm import tqdm

    from open_corpus.blocks import open_blocks
    from transcoder.classifiers import load_classifier

    blocks, _ = open_blocks(files, load_classifier("YamNet"))
    for number in tqdm(range(n_blocks), desc="Mixing", unit="block"):
        blocks.get(number, mels=False)


if __name__ == "__main__":
    sys.exit(main())
