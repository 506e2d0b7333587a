"""Step 8 of the paper: class probabilities of UrbanSound8K's or SONYC-UST's recordings.

From the true Mels (self) and behind each transcoder, for each classifier whose weights are there,
into one HDF5 file. A run that was stopped goes on where it was; chains that the file has already
are not computed again unless their weights have changed. Recordings that cannot be read, or are
shorter than 1 s, are listed and left out.
"""

import argparse
import itertools
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from exp_classif_eval.datasets import DATASETS
from exp_classif_eval.probability_files import (
    CLASSIFIERS,
    METHODS_OF,
    PROBABILITIES_ROOT,
    SAMPLINGS,
    TRANSCODER_ALIASES,
    probability_path,
)
from transcoder.cli import Parser, reports_errors
from transcoder.errors import MissingFileError, UsageError
from transcoder.files import WORK_ROOT, remove_temporary
from transcoder.locks import only_run
from transcoder.names import demo_name, is_demo_folder
from transcoder.options import add_device, add_models, fetch_command

if TYPE_CHECKING:  # h5py takes a while to import
    from exp_classif_eval.probability_store import ProbabilityStore

_SHOWN_PROBLEMS = 20


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.aliases = TRANSCODER_ALIASES
    parser.add_argument(
        "--audio_dataset_name", choices=tuple(DATASETS), required=True, help="the data set"
    )
    parser.add_argument(
        "--audio_dataset_path",
        type=Path,
        default=WORK_ROOT,
        help="folder that has the data set's folder",
    )
    parser.add_argument(
        "--output_path", type=Path, default=PROBABILITIES_ROOT, help="folder of the HDF5 files"
    )
    add_models(parser)
    parser.add_argument(
        "--classifier", nargs="+", choices=CLASSIFIERS, help="default: those with weights"
    )
    parser.add_argument(
        "--transcoder",
        nargs="+",
        choices=tuple(METHODS_OF),
        help="self: the true Mels (true_mels); cnn: CNN-logits (cnn_logits) (default: those with "
        "weights)",
    )
    parser.add_argument(
        "--batch_size", type=int, help="seconds computed at once (default: 16, on a GPU 256)"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=min(8, os.cpu_count() or 1),
        help="threads that decode and resample",
    )
    add_device(parser)
    parser.add_argument(
        "--published_sampling",
        action="store_true",
        help="as the published program: YAMNet's transcoders get 16 kHz audio as if it had 32 kHz, "
        "and a last partial second is stretched to a whole one; needs an --output_path of its own",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="forget what is there and compute all anew"
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit status 1 if a file cannot be read"
    )
    parser.add_argument("--verbose", action="store_true", help="print each file's top 10 classes")
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    for name in ("batch_size", "workers"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} must be 1 or more, not {value}")
    dataset = args.audio_dataset_path / args.audio_dataset_name
    name = demo_name(dataset.name) if is_demo_folder(dataset) else dataset.name
    path = probability_path(args.output_path, name)
    folder = dataset / "audio"

    from exp_classif_eval.probability_run import find_sounds
    from exp_classif_eval.probability_store import ProbabilityStore

    sounds = find_sounds(folder, sampling=SAMPLINGS[args.published_sampling])
    if not sounds.names:
        raise MissingFileError(
            f"{folder}: no sound files; fetch them with: "
            f"{fetch_command(args.audio_dataset_name, args.audio_dataset_path)}, or name the "
            f"folder that has {args.audio_dataset_name} with --audio_dataset_path"
        )
    store = ProbabilityStore(path, sounds)
    with only_run(path):
        remove_temporary(path)
        if args.overwrite:
            store.remove()
        found, missing = _compute_missing(args, store)
    n_unreadable = _report(path, missing)
    return 1 if _lacks_what_was_asked(args, found) or (n_unreadable and args.strict) else 0


def _compute_missing(
    args: argparse.Namespace, store: "ProbabilityStore"
) -> tuple[set[str], list[str]]:
    """Names of the chains that the file has afterwards, and what weights are missing."""
    from exp_classif_eval.probabilities import Inference, default_batch_size, load_chains
    from exp_classif_eval.probability_run import compute
    from transcoder.devices import choose_device

    present = store.origins()
    device = choose_device(args.device)
    chains, missing = load_chains(
        args.classifier or CLASSIFIERS,
        args.transcoder or tuple(METHODS_OF),
        models=args.models,
        device=device,
        published_sampling=args.published_sampling,
    )
    if not chains:
        raise MissingFileError("nothing can be computed: " + "; ".join(missing))
    wanted = [chain for chain in chains if present.get(chain.name) != chain.origin]
    if wanted:
        print(f"computing {', '.join(chain.name for chain in wanted)} on {device}")
        inference = Inference(
            wanted,
            device=device,
            batch_size=args.batch_size or default_batch_size(device),
            published_sampling=args.published_sampling,
        )
        compute(store, inference, workers=args.workers, verbose=args.verbose)
    else:
        print(f"{store.path} has all of {', '.join(chain.name for chain in chains)} already")
    return {chain.name for chain in chains}, missing


def _lacks_what_was_asked(args: argparse.Namespace, found: set[str]) -> bool:
    """Whether a classifier or transcoder that the command line names has no weights."""
    classifiers = {name.split("/")[0] for name in found}
    wanted = {f"{c}/{t}" for c in classifiers for t in args.transcoder or ()}
    return not (classifiers >= set(args.classifier or ()) and found >= wanted)


def _report(path: Path, missing: list[str]) -> int:
    """Say what there is and what there is not; the number of unreadable files."""
    from exp_classif_eval.decoding import TOO_SHORT
    from exp_classif_eval.probability_store import read_problems

    problems, n_files = read_problems(path)
    print(f"{path}: {n_files - len(problems)} of {n_files} files")
    n_short = sum(problem.startswith(TOO_SHORT) for problem in problems.values())
    if problems:
        print(f"left out: {n_short} too short, {len(problems) - n_short} unreadable")
        for name, problem in itertools.islice(problems.items(), _SHOWN_PROBLEMS):
            print(f"  {name}: {problem}")
        if len(problems) > _SHOWN_PROBLEMS:
            print(f"  and {len(problems) - _SHOWN_PROBLEMS} more: see 'problem' in the file")
    for line in missing:
        print(f"missing: {line}", file=sys.stderr)
    return len(problems) - n_short


if __name__ == "__main__":
    sys.exit(main())
