"""The card of the embedded small YAMNet: a classifier, not a transcoder."""

from exporting.card_scores import CardTable
from exporting.card_texts import SOURCES
from exporting.cards import Card, count_licences
from transcoder.classifiers import SMALL_YAMNET
from transcoder.files import REFERENCE_MODELS
from transcoder.settings import YAMNET
from transcoder.yaml_files import read_yaml

_HEADER = "| data | top-1 | its top-1 in the teacher's top 5 | BCE | floor | class correlation |"


def small_yamnet() -> Card:
    """From its YAML and the table of the mixtures' recordings."""
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
