"""Draw a second of sound as PINV, CNN-mels, CNN-logits and the audio itself show it.

The figure of the paper (Tailleur et al., DCASE 2023), and of other methods if asked for: Mel
spectrograms side by side on one colour scale, written as PNG and PDF. A transcoder without a
checkpoint is left out and named. Below stand the classifier's weights and the checkpoints, which
are chosen to suit each other.
"""

import sys
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.files import EXPORT_ROOT, sound_path
from transcoder.names import MELS, METHODS, PAPER_METHODS, TRUE_MELS, of_classifier
from transcoder.options import add_classifier, add_classifier_weights, add_models

DEFAULT_OFFSET_S = 4


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "audio",
        type=sound_path,
        nargs="?",
        default="street_scene.wav",
        help="sound file, or the name of one in audio/",
    )
    parser.add_argument(
        "--offset",
        type=float,
        help=f"start of the second, in s (default: {DEFAULT_OFFSET_S}, or the last second of a "
        "shorter sound)",
    )
    add_classifier(parser)
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=METHODS,
        default=PAPER_METHODS,
        metavar="METHOD",
        help=f"panels beside the true Mels, of: {', '.join(METHODS)} "
        f"(default: the paper's {', '.join(PAPER_METHODS)})",
    )
    add_models(parser)
    add_classifier_weights(parser)
    parser.add_argument("--output", type=Path, default=EXPORT_ROOT, help="folder of the figure")
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)

    from transcoder.classifiers import find_classifier
    from transcoder.plots import mel_figure, save_figure
    from transcoder.settings import front_end
    from transcoder.transcode import Transcoder, load_transcoders, models_used

    waveform, sample_rate, offset_s = read_second(args.audio, args.offset)
    judge, _ = find_classifier(args.classifier, args.classifier_weights)
    transcoders, missing = load_transcoders(
        args.classifier, models=args.models, judge=judge, methods=args.methods
    )
    panels = {
        MELS[method]: transcoder.from_wave(waveform, sample_rate)[0]
        for method, transcoder in transcoders.items()
    }
    panels[MELS[TRUE_MELS]] = Transcoder(args.classifier).true_mels(waveform, sample_rate)[0]
    used = models_used(transcoders, judge)
    figure = mel_figure(
        panels,
        front_end(args.classifier),
        scale=MELS[TRUE_MELS],
        title=f"{args.audio.stem} from {offset_s:g} s: Mel spectrograms for {args.classifier}",
        notes=used,
    )
    name = of_classifier("spectro_dcase_2023", args.classifier)
    for suffix in ("png", "pdf"):
        path = args.output / f"{name}.{suffix}"
        save_figure(figure, path)
        print(f"wrote {path}")
    print(*used, sep="\n")
    for line in missing:
        print(f"missing: {line}", file=sys.stderr)
    return 0


def read_second(path: Path, offset_s: float | None) -> tuple:
    """A second of sound from ``offset_s`` on, its sampling rate, and where it begins, in s."""
    from transcoder.audio import open_recording
    from transcoder.settings import CHUNK_DURATION_S

    if offset_s is not None:
        sound = open_recording(path, offset_s=offset_s, duration_s=CHUNK_DURATION_S)
        return sound.waveform, sound.sample_rate, offset_s
    sound = open_recording(path, duration_s=DEFAULT_OFFSET_S + CHUNK_DURATION_S)
    begin = max(0, sound.n_samples - sound.sample_rate * CHUNK_DURATION_S)
    return sound.waveform[begin:], sound.sample_rate, begin / sound.sample_rate


if __name__ == "__main__":
    sys.exit(main())
