"""Export a way from third-octave levels to sound classes, for sensors and servers.

The suffix of OUTPUT says what is written:

- .onnx: levels (n, 8, 29) in dB in, class probabilities (n, classes) out (and Mels, --mels), for
  any number n of seconds. Opset 18. Answers are compared with PyTorch's before the file appears.
  With --int8 the learned weights have 8 bits, by onnxruntime's quantiser.
- .pt2: the same by torch.export, for programs with PyTorch alone.
- .safetensors: the learned weights of a trained transcoder, its settings in a YAML file beside it.
  The programs read it as they read any checkpoint.
- a folder (no suffix): the same for a model hub, with config.json; see docs/export.md.

What a unit is, in which dB the levels are, the names of the classes and which networks they come
from is written into .onnx and .pt2 files; beside each goes a card, OUTPUT_card.md.

texture and textured put noise into the Mels. A file takes along --noise_s seconds of it, and wants
to know which seconds it gets (input "places"): the first seconds of a recording hear the noise
that the programs give them, later ones the same again.

PANN hears each second by itself here, as it does in the programs with --window 1.
"""

import sys
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.errors import UsageError
from transcoder.options import add_classifier, add_classifier_weights, add_method, add_models


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("output", type=Path, help=".onnx, .pt2, .safetensors, or a folder")
    add_method(parser)
    add_classifier(parser)
    add_models(parser)
    add_classifier_weights(parser)
    parser.add_argument("--mels", action="store_true", help="give the log-Mels, too (.onnx, .pt2)")
    parser.add_argument(
        "--draws",
        type=int,
        default=4,
        help="of the noise in texture and textured: so many Mels are heard, and averaged",
    )
    parser.add_argument("--noise_s", type=int, default=16, help="seconds of noise in the file")
    parser.add_argument("--int8", action="store_true", help="learned weights in 8 bits (.onnx)")
    parser.add_argument(
        "--calibration_levels",
        type=Path,
        metavar="ARCHIVE",
        help="levels that --int8 sees, where a classifier hears Mels: any file that "
        "classify_third_octave.py reads (default: levels of made-up scenes)",
    )
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    _check(args)

    from exporting.write import export

    for line in export(args):
        print(line)
    return 0


def _check(args) -> None:
    suffix = args.output.suffix
    if suffix not in (".onnx", ".pt2", ".safetensors", ""):
        raise UsageError(
            f"{args.output}: the suffix says what is written: .onnx, .pt2, .safetensors, or none "
            "for a folder"
        )
    if args.int8 and suffix != ".onnx":
        raise UsageError("--int8 is for .onnx files")
    if args.mels and suffix not in (".onnx", ".pt2"):
        raise UsageError("--mels is for .onnx and .pt2 files")
    if args.calibration_levels is not None and not args.int8:
        raise UsageError("--calibration_levels is for --int8")
    if not 1 <= args.draws <= 100:
        raise UsageError(f"--draws must be 1 to 100, not {args.draws}")
    if not 1 <= args.noise_s <= 3600:
        raise UsageError(f"--noise_s must be 1 to 3600 s, not {args.noise_s}")


if __name__ == "__main__":
    sys.exit(main())
