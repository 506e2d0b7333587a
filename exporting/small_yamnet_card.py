"""The card of the embedded small YAMNet: a classifier, not a transcoder."""

from exporting.card_scores import CardTable
from exporting.cards import Card, count_licences
from transcoder.classifiers import SMALL_YAMNET
from transcoder.settings import YAMNET
from transcoder.yaml_files import read_yaml

_HEADER = "| data | top-1 | its top-1 in the teacher's top 5 | BCE | floor | class correlation |"


def small_yamnet() -> Card:
    """From its YAML and its table of recordings."""
    table = read_yaml(SMALL_YAMNET.with_suffix(".yaml"))
    sources = SMALL_YAMNET.with_name("yamnet_small_sources.csv")
    n, licences = count_licences(sources)
    scores = [
        f"| {name}, {row['chunks']} s | {row['top1']:.2f} | {row['top1_in_top5']:.2f} | "
        f"{row['bce']:.4f} | {row['bce_floor']:.4f} | {row['class_correlation']:.2f} |"
        for name, row in table["agreement_with_teacher"].items()
    ]
    title = "How far it agrees with its teacher, of seconds (no intervals were computed):"
    return Card(
        title="The small YAMNet",
        what=f"YAMNet's architecture at {table['settings']['width']} of its width, distilled from "
        "the real one: it stands in where that is absent, and outputs say so.",
        facts=[
            ("weights", f"`{SMALL_YAMNET.name}`, mark {table['fingerprint']}"),
            ("in", f"`(n, {YAMNET.frames}, {YAMNET.n_mels})` log-Mels (natural logarithm)"),
            ("out", f"`(n, {table['classes']})` probabilities"),
            ("teacher", f"{table['teacher']}, mark {table['teacher_fingerprint']}"),
        ],
        data=f"{table['corpus']['scenes']['train']:,} scenes of 10 s mixed of open recordings and "
        f"of sounds made by rule; {n:,} recordings, listed in `{sources.name}`.",
        command=table["command"].replace("exp_train_model/distill", "open_corpus/distill"),
        training=[
            *table["settings"].items(),
            ("loss", table["loss"]),
            ("made", f"{table['provenance']['date']}, commit {table['provenance']['git_commit']}"),
        ],
        tables=[CardTable(title, _HEADER, tuple(scores))],
        validation="",
        limits=["Good for trying things, not for results: on "
            f"{1 - table['agreement_with_teacher']['held-out scenes']['top1']:.0%} of the held-out "
            "seconds its most probable "
                "class is another than the real YAMNet's."],
        licence="The weights are MIT, as the project. The teacher is Apache-2.0. The recordings "
        f"keep their own licences (`{sources.name}` names each: {licences}).",
        unit="", levels="",
        tags=("audio-classification", "audioset"),
    )  # fmt: skip
