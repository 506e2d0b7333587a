"""Write the cards of the models that come with the project, from their files.

Run it from the project folder after a model or a table of scores has changed:
python -m exporting.write_cards
"""

import sys
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.files import REFERENCE_MODELS


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--output", type=Path, default=REFERENCE_MODELS / "cards")
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)

    from transcoder.files import atomic_write_text

    for name, text in shipped_cards().items():
        atomic_write_text(args.output / name, text)
        print(f"wrote {args.output / name}")
    return 0


def shipped_cards() -> dict[str, str]:
    """The cards by file name, of each checkpoint that comes with the project and of YAMNet."""
    from exporting.cards import card_of, rendered
    from exporting.small_yamnet_card import small_yamnet
    from transcoder.checkpoints import SETTINGS_SUFFIX, read_settings

    cards = {"yamnet_small.md": rendered(small_yamnet())}
    for path in sorted(REFERENCE_MODELS.glob(f"*{SETTINGS_SUFFIX}")):
        name = path.name.removesuffix(SETTINGS_SUFFIX)
        table = read_settings(path.with_name(name))
        if table.get("shipped") is True:
            cards[_file_name(name)] = card_of(name, table)
    return cards


def _file_name(name: str) -> str:
    """Short, and of one model alone: what it is, for whom, how wide, how long trained."""
    from judging.methods import short_name
    from transcoder.names import factors_of

    words = f"{factors_of(name)['classifier']} {short_name(name)}"
    return words.replace(",", "").replace(" ", "_") + ".md"


if __name__ == "__main__":
    sys.exit(main())
