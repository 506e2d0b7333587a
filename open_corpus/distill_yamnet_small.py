"""Distil the small YAMNet that the project embeds from the real one.

A YAMNet of a quarter of the width learns to give the real YAMNet's class probabilities for the
Mels of an open corpus (open_corpus/build_open_corpus.py), at random times and gains. Writes
yamnet/yamnet_small.pth and, beside it, yamnet_small.yaml (how it was made and how far it agrees
with the real one) and yamnet_small_sources.csv (the recordings in the corpus, with licences).
A run that was stopped goes on where it was.
"""

import sys
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.errors import UsageError, UserError
from transcoder.files import DATA_ROOT, WORK_ROOT, sound_path
from transcoder.names import TAU_FOLDER


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--corpus", type=Path, default=DATA_ROOT / "open_corpus", help="folder of the corpus"
    )
    parser.add_argument(
        "--teacher", type=Path, help="weights of the real YAMNet, when not in yamnet/"
    )
    parser.add_argument("--output", type=Path, default=WORK_ROOT / "yamnet" / "yamnet_small.pth")
    parser.add_argument(
        "--cache",
        type=Path,
        help="folder for Mels, probabilities and the state of the training "
        "(default: CORPUS/distillation)",
    )
    parser.add_argument(
        "--recordings",
        type=sound_path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="further sound files to measure the agreement on",
    )
    parser.add_argument("--width", type=float, default=0.25, help="factor on YAMNet's widths")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--views", type=int, default=8, help="sets of random patches")
    parser.add_argument("--batch_size", type=int, default=128)
    parser.add_argument("--learning_rate", type=float, default=2e-3, help="of Adam, at the start")
    parser.add_argument("--seed", type=int, default=0)
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)

    from open_corpus.distillation.patches import chunk_mels
    from open_corpus.distillation.training import DistillConfig, train_student
    from transcoder.classifiers import Classifier

    names = ("width", "epochs", "views", "batch_size", "learning_rate", "seed")
    config = DistillConfig(**{name: getattr(args, name) for name in names})
    teacher = _load_teacher(args.teacher)
    paths = _scene_paths(args.corpus)
    cache = _cache_folder(args, teacher, paths["train"])
    valid_mels = chunk_mels(paths["valid"])
    valid = (valid_mels, teacher.probabilities(valid_mels))
    mels, view = _views(teacher, paths["train"], cache, config.seed)
    student, history = train_student(config, mels, view, valid, cache / "training.pth")
    small = Classifier("YamNet", student, "student")
    agreements = _agreements(small, teacher, paths["eval"], args.recordings)
    _save(args, config, student, teacher, history, agreements)
    for name, scores in agreements.items():
        print(
            f"{name}: top-1 {scores['top1']:.3f} (in top 5 {scores['top1_in_top5']:.3f}), "
            f"BCE {scores['bce']:.5f} (floor {scores['bce_floor']:.5f}), "
            f"class correlation {scores['class_correlation']:.3f}"
        )
    print(f"wrote {args.output}")
    return 0


def _load_teacher(weights: Path | None):
    """The real YAMNet, never the student of an earlier run."""
    import torch

    from transcoder.classifiers import load_classifier

    teacher = load_classifier("YamNet", weights)
    if teacher.network.width != 1:
        raise UserError(
            "the teacher must be the real YAMNet: fetch it with python "
            "download_pretrained_models.py --only yamnet, or give --teacher"
        )
    return teacher.to(memory_format=torch.channels_last)


def _scene_paths(corpus: Path) -> dict[str, list[Path]]:
    from features.splits import SplitConfig, split_table

    folder = corpus / TAU_FOLDER
    if not folder.is_dir():
        raise UsageError(
            f"{folder}: no such folder; build the corpus with: "
            f"python open_corpus/build_open_corpus.py --output {corpus}"
        )
    table = split_table(folder, SplitConfig(split_by="city"))
    return {
        split: [folder / name for name in rows.filename] for split, rows in table.groupby("split")
    }


def _cache_folder(args, teacher, paths: list[Path]) -> Path:
    """Other scenes, teachers or seeds have another folder."""
    import hashlib

    from open_corpus.layout import SOURCES_TABLE
    from transcoder.fingerprint import fingerprint

    names = [path.name for path in paths]
    sources = (args.corpus / SOURCES_TABLE).read_text(encoding="utf-8")
    parts = [fingerprint(teacher.network), str(args.seed), sources, *names]
    mark = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
    return (args.cache or args.corpus / "distillation") / mark


def _views(teacher, paths: list[Path], cache: Path, seed: int):
    """The Mels of the scenes, and a function that gives the views of them."""
    from open_corpus.distillation.patches import (
        draw_patches,
        scene_mels,
        teacher_probabilities,
    )
    from open_corpus.distillation.training import View

    mels = scene_mels(paths, cache / "mels.npy")

    def view(number: int) -> View:
        patches = draw_patches(len(mels), mels.shape[1], seed, number)
        path = cache / f"teacher_{number}.npy"
        return View(patches, teacher_probabilities(teacher, mels, patches, path))

    return mels, view


def _agreements(small, teacher, paths: list[Path], recordings: list[Path]) -> dict[str, dict]:
    from open_corpus.distillation.agreement import agreement
    from open_corpus.distillation.patches import chunk_mels

    found = {}
    for name, files in {"held-out scenes": paths, **{p.name: [p] for p in recordings}}.items():
        mels = chunk_mels(files)
        found[name] = agreement(small.probabilities(mels), teacher.probabilities(mels))
    return found


def _save(args, config, student, teacher, history, agreements) -> None:
    import dataclasses
    import hashlib

    import yaml

    from open_corpus.layout import SOURCES_TABLE
    from transcoder.checkpoints import provenance
    from transcoder.files import atomic_path, atomic_write_text
    from transcoder.fingerprint import fingerprint
    from transcoder.weights import save_state

    sources = (args.corpus / SOURCES_TABLE).read_bytes()
    pedigree = {
        "model": "YamNet",
        "classes": teacher.front_end.n_classes,
        "fingerprint": fingerprint(student),
        "teacher": teacher.label,
        "teacher_fingerprint": fingerprint(teacher.network),
        "loss": "BCE between the class probabilities of student and teacher",
        "settings": dataclasses.asdict(config),
        "corpus": {
            "scenes": {split: len(found) for split, found in _scene_paths(args.corpus).items()},
            "sources_sha256": hashlib.sha256(sources).hexdigest(),
        },
        "command": " ".join(["python open_corpus/distill_yamnet_small.py", *_options(args)]),
        "agreement_with_teacher": _rounded(agreements),
        "curves": {key: [round(h[key], 6) for h in history] for key in history[0]},
        "provenance": provenance(),
    }
    atomic_write_text(
        args.output.with_suffix(".yaml"), yaml.safe_dump(pedigree, sort_keys=False, width=100)
    )
    with atomic_path(args.output.with_name(f"{args.output.stem}_sources.csv")) as temporary:
        temporary.write_bytes(sources)
    state = {key: value.contiguous() for key, value in student.state_dict().items()}
    save_state(args.output, state)


def _options(args) -> list[str]:
    """The options that were given, without the folders of this machine."""
    defaults = vars(build_parser().parse_args([]))
    return [
        f"--{name} {value.name if isinstance(value, Path) else value}"
        for name, value in vars(args).items()
        if value != defaults[name] and name not in ("cache", "output", "recordings")
    ]


def _rounded(agreements: dict[str, dict]) -> dict[str, dict]:
    return {
        name: {key: round(value, 6) for key, value in scores.items()}
        for name, scores in agreements.items()
    }


if __name__ == "__main__":
    sys.exit(main())
