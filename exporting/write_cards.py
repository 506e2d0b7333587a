"""Write the cards of the models that come with the project, from their files.

Run it from the project folder after a model or a table of scores has changed:
python -m exporting.write_cards
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from transcoder.cli import Parser, reports_errors
from transcoder.files import REFERENCE_MODELS

if TYPE_CHECKING:
    from exporting.cards import Card

_HEADER = "| data | top-1 | its top-1 in the teacher's top 5 | BCE | floor | class correlation |"


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


def small_yamnet() -> "Card":
    """The card of the embedded small YAMNet, a classifier, from its YAML and its recordings."""
    from exporting.card_scores import CardTable
    from exporting.card_texts import SOURCES
    from exporting.cards import Card, count_licences
    from transcoder.classifiers import SMALL_YAMNET
    from transcoder.settings import YAMNET
    from transcoder.yaml_files import read_yaml

    table = read_yaml(SMALL_YAMNET.with_suffix(".yaml"))
    agreement = table["agreement_with_teacher"]
    sources = REFERENCE_MODELS / SOURCES["OPEN"]
    n, licences = count_licences(sources)
    scores = [
        f"| {name}, {row['chunks']} s | {row['top1']:.2f} | {row['top1_in_top5']:.2f} | "
        f"{row['bce']:.4f} | {row['bce_floor']:.4f} | {row['class_correlation']:.2f} |"
        for name, row in agreement.items()
    ]
    title = "How far it agrees with its teacher, of seconds (no intervals were computed):"
    return Card(
        title="The small YAMNet",
        what="The real YAMNet with its large layers factored and "
        f"{table['weights'] / 1e6:.1f} million weights of 8 bits, distilled from it: it stands in "
        "where that is absent, and outputs say so.",
        facts=[
            ("weights", f"`{SMALL_YAMNET.name}`, mark {table['fingerprint']}"),
            ("in", f"`(n, {YAMNET.frames}, {YAMNET.n_mels})` log-Mels (natural logarithm)"),
            ("out", f"`(n, {table['classes']})` probabilities"),
            ("teacher", f"{table['teacher']}, mark {table['teacher_fingerprint']}"),
        ],
        data=f"{256 * table['settings']['blocks']:,} s of endless mixtures (data set OPEN) of open "
        f"recordings and of sounds made by rule; {n:,} recordings, listed in `{sources.name}`.",
        command=table["command"],
        training=[
            *table["settings"].items(),
            ("loss", table["loss"]),
            ("made", f"{table['provenance']['date']}, commit {table['provenance']['git_commit']}"),
        ],
        tables=[CardTable(title, _HEADER, tuple(scores))],
        validation="",
        limits=["Good for trying things, not for results: on "
                f"{1 - agreement['held-out mixtures']['top1']:.0%} of the held-out seconds its "
                "most probable class is another than the real YAMNet's."],
        licence="The weights are the real YAMNet's, changed, and Apache-2.0 as these. The "
        f"recordings keep their own licences (`{sources.name}` names each: {licences}).",
        unit="", levels="", licence_id="apache-2.0",
        tags=("audio-classification", "audioset"),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
