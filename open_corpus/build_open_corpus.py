"""Build a training corpus from open recordings in Debian packages.

Downloads the packages of the table with apt-get (nothing is installed), takes the sounds out of
them, drops silence and duplicates, and mixes 10-s scenes in the layout of TAU, with other
recordings in the train, valid and eval scenes. The splits go with the cities, so make the
features with:
  python exp_train_model/create_mel_tho_dataset.py --audio_dataset_path OUTPUT --split_by_city
Beside the scenes, open_corpus_sources.csv lists every recording in them with its licence.
"""

import sys
from collections import Counter
from pathlib import Path

from open_corpus.files import add_options
from transcoder.cli import Parser, check_least, reports_errors
from transcoder.files import DATA_ROOT


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--output",
        type=Path,
        default=DATA_ROOT / "open_corpus",
        help="folder of the corpus; about 3.3 GB of packages, 1.5 GB of sounds and 0.65 MB a scene",
    )
    parser.add_argument("--scenes", type=int, default=1200, help="number of 10-s scenes")
    add_options(parser, packages="OUTPUT/packages")
    parser.add_argument(
        "--copy_sources_table", type=Path, metavar="FILE", help="write that list here too"
    )
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    check_least(args, workers=1, seed=0, scenes=22)

    from open_corpus.layout import write_corpus
    from open_corpus.scenes import plan_scenes
    from open_corpus.selection import collect
    from transcoder.files import atomic_write_text

    store = args.output / "sources"
    packages = args.packages or args.output / "packages"
    sources, problems = collect(args.table, packages, store, seed=args.seed, workers=args.workers)
    plans = plan_scenes(sources, args.scenes, args.seed)
    table = write_corpus(
        args.output, plans, sources, store=store, seed=args.seed, workers=args.workers
    )
    if args.copy_sources_table:
        atomic_write_text(args.copy_sources_table, table)
    _report(args.output, plans, sources)
    for line in problems:
        print(f"left out: {line}", file=sys.stderr)
    return 1 if problems else 0


def _report(output: Path, plans, sources) -> None:
    from features.files import SPLITS
    from open_corpus.scenes import used_sources

    used = used_sources(plans, sources)
    for split in SPLITS:
        seconds = Counter()
        for source, its_split in used:
            if its_split == split:
                seconds[source.kind] += source.seconds
        parts = ", ".join(f"{s / 60:.0f} min {kind}" for kind, s in sorted(seconds.items()))
        print(f"{split}: {sum(p.split == split for p in plans)} scenes from {parts}")
    print(f"wrote {output}")


if __name__ == "__main__":
    sys.exit(main())
