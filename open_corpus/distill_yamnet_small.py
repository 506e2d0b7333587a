"""Distil the small YAMNet that the project embeds from the real one.

The real YAMNet's large layers become products of two small matrices, of as many components as its
answers to the data set OPEN ask for; then all its weights learn to give the real one's class
probabilities for mixtures of that data set. Writes yamnet/yamnet_small.pth, with 8 bits a weight,
and beside it yamnet_small.yaml: how it was made and how far it agrees with the real one. A run that
was stopped goes on where it was.
"""

import sys
from pathlib import Path

from features.files import FEATURES_ROOT, OPEN, split_path
from transcoder.cli import Parser, reports_errors
from transcoder.errors import UserError
from transcoder.files import WORK_ROOT, sound_path


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--data_path",
        type=Path,
        default=FEATURES_ROOT,
        help="where create_open_dataset.py has put the data set OPEN",
    )
    parser.add_argument(
        "--teacher", type=Path, help="weights of the real YAMNet, when not in yamnet/"
    )
    parser.add_argument("--output", type=Path, default=WORK_ROOT / "yamnet" / "yamnet_small.pth")
    parser.add_argument(
        "--recordings",
        type=sound_path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="further sound files to measure the agreement on",
    )
    parser.add_argument(
        "--share", type=float, default=0.95, help="of a layer's variance that its rank keeps"
    )
    parser.add_argument("--blocks", type=int, default=640, help="of 256 s, each seen once")
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--learning_rate", type=float, default=3e-4, help="of Adam, at its highest")
    parser.add_argument("--seed", type=int, default=0)
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)

    from open_corpus.blocks import open_blocks
    from open_corpus.distillation.training import DistillConfig, train_student
    from open_corpus.files import OpenFiles
    from transcoder.classifiers import Classifier
    from transcoder.fingerprint import fingerprint
    from transcoder.locks import only_run
    from transcoder.weights import dequantised, quantised, save_state

    config = DistillConfig(args.share, args.blocks, args.batch_size, args.learning_rate, args.seed)
    teacher = _load_teacher(args.teacher)
    blocks, mark = open_blocks(OpenFiles.of(args.data_path), teacher)
    valid = _heard(teacher, split_path(args.data_path, OPEN, "valid"))
    origin = {"teacher_fingerprint": fingerprint(teacher.network), "mixtures": mark}
    session = args.output.with_name(f".{args.output.name}.session")
    with only_run(args.output):
        run = train_student(config, teacher.network, blocks, valid, session, origin)
        state = quantised(run.student.state_dict())
        run.student.load_state_dict(dequantised(state))
        small = Classifier("YamNet", run.student, "student")
        agreements = _agreements(small, teacher, args)
        how = {
            "teacher": teacher.label,
            **origin,
            "command": _command(args),
            "agreement_with_teacher": {k: _rounded(v) for k, v in agreements.items()},
            "curve": [_rounded(losses) for losses in run.history],
        }
        save_state(args.output, state)
        _write_description(args.output.with_suffix(".yaml"), run.student, config, how)
        session.unlink()
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
    if not teacher.network.is_full:
        raise UserError(
            "the teacher must be the real YAMNet: fetch it with python "
            "download_pretrained_models.py --only yamnet, or give --teacher"
        )
    return teacher.to(memory_format=torch.channels_last)


def _heard(teacher, features: Path):
    """Log-Mels of a split, and what the teacher hears in them."""
    from features.reading import Features

    mels = Features(features, teacher.name).hold().mels.float()
    return mels, teacher.probabilities(mels)


def _agreements(small, teacher, args) -> dict[str, dict]:
    import torch
    from tqdm import tqdm

    from open_corpus.distillation.agreement import agreement
    from transcoder.audio import prepare, read_audio, to_chunks
    from transcoder.mels import LogMel

    mels, heard = _heard(teacher, split_path(args.data_path, OPEN, "eval"))
    found = {"held-out mixtures": agreement(small.probabilities(mels), heard)}
    log_mel, rate = LogMel(teacher.name).float(), teacher.front_end.sample_rate
    for path in tqdm(args.recordings, desc="Comparing", unit="file", disable=None):
        wave = prepare(*read_audio(path), rate)
        mels = log_mel(torch.from_numpy(to_chunks(wave, rate)))
        found[path.name] = agreement(small.probabilities(mels), teacher.probabilities(mels))
    return found


def _write_description(path: Path, student, config, how: dict) -> None:
    import dataclasses

    import yaml

    from open_corpus.distillation.factoring import n_weights
    from transcoder.checkpoints import provenance
    from transcoder.files import atomic_write_text
    from transcoder.fingerprint import fingerprint
    from transcoder.settings import YAMNET

    told = {
        "model": "YamNet",
        "classes": YAMNET.n_classes,
        "weights": n_weights(student),
        "ranks": dict(student.ranks),
        "fingerprint": fingerprint(student),
        "loss": "BCE between the class probabilities of student and teacher",
        "settings": dataclasses.asdict(config),
        **how,
        "provenance": provenance(),
    }
    atomic_write_text(path, yaml.safe_dump(told, sort_keys=False, width=100))


def _command(args) -> str:
    """With the options that were given, without the folders of this machine."""
    defaults = vars(build_parser().parse_args([]))
    options = [
        f"--{name} {value.name if isinstance(value, Path) else value}"
        for name, value in vars(args).items()
        if value != defaults[name] and name not in ("data_path", "output", "recordings")
    ]
    return " ".join(["python open_corpus/distill_yamnet_small.py", *options])


def _rounded(scores: dict) -> dict:
    return {key: round(value, 6) for key, value in scores.items()}


if __name__ == "__main__":
    sys.exit(main())
