"""Compare transcoders side by side on held-out scenes and on recordings.

Takes every checkpoint of the folders given, and PINV, through one classifier, the judge: Mel MSE,
BCE and KL of the class probabilities, top-1 agreement with what the judge hears in the true Mels.
The row "floor" is the judge against itself: no transcoder can have a lower BCE.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from transcoder.cli import Parser, add_classifier, reports_errors
from transcoder.errors import MissingFileError, UsageError
from transcoder.files import PROJECT_ROOT, sound_path

COLUMNS = ("mel_mse", "logit_bce", "logit_kl", "ptopafc")


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--features",
        type=Path,
        nargs="*",
        default=[],
        help="files of create_mel_tho_dataset.py, e.g. .../full_eval.h5",
    )
    parser.add_argument(
        "--recordings",
        type=sound_path,
        nargs="*",
        default=[],
        help="sound files, or names of files in audio/",
    )
    parser.add_argument(
        "--models",
        type=Path,
        nargs="+",
        default=[PROJECT_ROOT / "reference_models"],
        help="folders of checkpoints",
    )
    add_classifier(parser)
    parser.add_argument("--classifier_weights", type=Path, help="of the judge")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--output", type=Path, help="also write the table here (csv)")
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    if not (args.features or args.recordings):
        raise UsageError("nothing to compare on: give --features or --recordings")

    import pandas as pd

    from transcoder.classifiers import load_classifier
    from transcoder.devices import choose_device
    from transcoder.files import atomic_path

    device = choose_device(args.device)
    judge = load_classifier(args.classifier, args.classifier_weights).to(device)
    transcoders = find_transcoders(args.models, args.classifier, device)
    rows = []
    for name, levels, mels, file_index in _material(args, transcoders["PINV"]):
        rows += compare(name, levels, mels, file_index, transcoders, judge)
    table = pd.DataFrame(rows)
    print(f"judge: {judge.teacher}")
    print(table.to_string(index=False))
    if args.output is not None:
        with atomic_path(args.output) as temporary:
            table.to_csv(temporary, index=False)
    return 0


def find_transcoders(folders: Sequence[Path], classifier: str, device) -> dict:
    """PINV and all checkpoints for ``classifier`` that predict Mels: name -> `Transcoder`."""
    from transcoder.checkpoints import SETTINGS_SUFFIX, load_checkpoint, read_settings
    from transcoder.models import MEL_MODELS
    from transcoder.transcode import Transcoder

    found = {"PINV": Transcoder(classifier, device=device)}
    for folder in folders:
        if not folder.is_dir():
            raise MissingFileError(f"--models {folder}: no such folder")
        for yaml_path in sorted(folder.glob(f"*{SETTINGS_SUFFIX}")):
            path = yaml_path.with_name(yaml_path.name.removesuffix(SETTINGS_SUFFIX))
            settings = read_settings(path)
            if settings["mels_type"] == classifier and settings["model_type"] in MEL_MODELS:
                model, _ = load_checkpoint(path, classifier=classifier)
                label = f"{folder.name}: {_short_name(path.name)}"
                found[label] = Transcoder(classifier, model, device=device)
    return found


def _short_name(identifier: str) -> str:
    """What tells trained transcoders apart, of the identifier that is their file name."""
    factors = dict(part.split("=", 1) for part in identifier.split("+") if "=" in part)
    kind = factors.get("transcoder", identifier)
    if kind == "cnn_pinv":
        share = factors.get("prop_logit", "0")
        kind = {"0": "CNN-mels", "100": "CNN-logits"}.get(share, f"CNN-hybrid {share} %")
    sizes = [f"{factors[k]} {k.removeprefix('nb_')}" for k in ("nb_channels",) if k in factors]
    return ", ".join([kind, *sizes, f"epoch {factors.get('epoch', '?')}"])


def compare(name: str, levels, mels, file_index, transcoders: dict, judge) -> list[dict]:
    """One row for each transcoder, and one for the judge against itself.

    Parameters
    ----------
    levels, mels
        ``(chunks, 8, 29)`` dB and the true ``(chunks, frames, 64)`` log-Mels.
    file_index
        ``(chunks,)``: which file a chunk belongs to, file after file.
    """
    import numpy as np

    from exp_train_model.metrics import file_metrics

    _, counts = np.unique(file_index, return_counts=True)
    truth = judge.probabilities(mels).numpy()
    predictions = {name: transcoder.from_third_octave(levels) for name, transcoder in
                   transcoders.items()}  # fmt: skip
    rows = []
    for transcoder, predicted in {**predictions, "floor": mels}.items():
        values = file_metrics(
            truth,
            judge.probabilities(predicted).numpy(),
            mels.numpy(),
            predicted.numpy(),
            classifier=judge.name,
            chunks_per_file=counts,
        )
        means = {column: float(np.mean(values[column])) for column in COLUMNS}
        rows.append({"data": name, "files": len(counts), "transcoder": transcoder, **means})
    return rows


def _material(args, front_end):
    """Levels, true Mels and file numbers of each feature file and of each recording."""
    import numpy as np

    from exp_train_model.features import Features
    from transcoder.audio import read_audio

    for path in args.features:
        features = Features(path, args.classifier)
        held = features.hold()
        yield path.name, held.levels.float(), held.mels.float(), features.file_index
    for path in args.recordings:
        recording = read_audio(path)
        mels = front_end.true_mels(*recording)
        yield path.name, front_end.third_octave_of(*recording), mels, np.zeros(len(mels), dtype=int)


if __name__ == "__main__":
    sys.exit(main())
