"""Put a trained transcoder among those that come with the project.

Copies the checkpoint and its YAML into reference_models/, the weights in half precision (they
are computed with in single precision all the same) and the YAML with the entry "shipped", which
lets what a user trains or downloads come first.
"""

import sys
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.errors import UsageError
from transcoder.files import REFERENCE_MODELS


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="a file ..._model; its YAML lies beside it")
    parser.add_argument("--output", type=Path, default=REFERENCE_MODELS)
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)

    import yaml

    from transcoder.checkpoints import load_checkpoint, read_settings, settings_path
    from transcoder.files import atomic_write_text
    from transcoder.weights import save_state

    model, _ = load_checkpoint(args.checkpoint)
    settings = read_settings(args.checkpoint) | {"shipped": True, "stored_as": "float16"}
    target = args.output / args.checkpoint.name
    if target.exists() and target.samefile(args.checkpoint):
        raise UsageError(f"{target}: would overwrite the model itself: give another --output")
    save_state(target, {k: v.half().contiguous() for k, v in model.state_dict().items()})
    atomic_write_text(settings_path(target), yaml.safe_dump(settings, sort_keys=True))
    print(f"wrote {target} ({target.stat().st_size / 1e6:.2f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
