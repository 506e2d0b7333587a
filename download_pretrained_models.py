"""Step 1: fetch the weights of the classifiers, of EfficientNet, and the published transcoders."""

import sys
from collections.abc import Sequence

from sources import command_line
from sources.table import MODELS, files_of
from transcoder.cli import Parser, reports_errors
from transcoder.files import FETCHED_ROOT

DESCRIPTION = f"""\
Fetch pretrained models (about 0.6 GB):
  PANN ResNet38 into pann/, YAMNet into yamnet/, the paper's three transcoders into
  reference_models/, EfficientNet b0 and b7 where torch.hub looks for them.

{command_line.HOW_IT_WORKS}"""


def build_parser() -> Parser:
    parser = Parser(description=DESCRIPTION)
    command_line.add_options(parser, FETCHED_ROOT)
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    return command_line.run(command_line.selected(files_of(MODELS), args.only), args)


if __name__ == "__main__":
    sys.exit(main())
