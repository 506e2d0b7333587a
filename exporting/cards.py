"""Cards of models: what one is, its data, training, scores and limits, from its own files.

A card is made of the model's YAML, of the tables of scores and recordings in reference_models/, and
of `exporting.card_texts`: nobody writes one by hand.
"""

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exporting import card_texts
from exporting.card_scores import CardTable, scores_of
from exporting.metadata import LEVELS_TEXT, UNIT
from transcoder.files import REFERENCE_MODELS
from transcoder.names import WAYS, factors_of, model_name
from transcoder.pages import page_environment

_PROGRAM = "python exp_train_model/main_doce_training.py -c"

TAGS = ("audio-classification", "audioset", "noise-monitoring", "third-octave")


@dataclass
class Card:
    """What the template shows."""

    title: str
    what: str
    facts: list[tuple[str, object]]
    data: str
    command: str
    training: list[tuple[str, object]]
    tables: list[CardTable]
    validation: str
    limits: list[str]
    licence: str
    unit: str = UNIT
    levels: str = LEVELS_TEXT
    tags: tuple[str, ...] = TAGS
    licence_id: str = "mit"  # as hubs call it
    file: str = ""


def card_of(name: str, table: Mapping, *, exported: Mapping[str, object] | None = None) -> str:
    """The card of a trained transcoder as Markdown.

    Parameters
    ----------
    name
        Of its checkpoint: the identifier of its training.
    table
        All that its YAML says.
    exported
        Facts about a file that was exported of it.
    """
    return rendered(_card(name, table, exported or {}))


def untrained_card(metadata: Mapping[str, str], exported: Mapping[str, object]) -> str:
    """The card of an exported file in which no transcoder was learned: PINV or texture."""
    return rendered(
        Card(
            title=metadata["title"],
            what=card_texts.UNTRAINED,
            facts=list(exported.items()),
            data="None: the transcoder is computed, not learned.",
            command="",
            training=[],
            tables=scores_of(WAYS[metadata["method"]]),
            validation="",
            limits=[card_texts.EXPORTED, *card_texts.ALL_LIMITS],
            licence=card_texts.OTHER_LICENCE,
            file=str(exported["file"]),
        )
    )


def _card(name: str, table: Mapping, exported: Mapping[str, object]) -> Card:
    factors = factors_of(name)
    kind = model_name(factors) if "transcoder" in factors else str(table["model_type"])
    training = table.get("settings") or {}
    dataset = str(training.get("dataset", factors.get("dataset", "?")))
    teacher = "the embedded small YAMNet" if is_for_small(training) else table["mels_type"]
    licences = licences_of(card_texts.SOURCES.get(dataset))
    is_ours = table.get("shipped") is True and licences
    data = card_texts.DATA[dataset] if is_ours else card_texts.UNKNOWN_DATA.format(dataset=dataset)
    if is_ours:
        data += f" {licences[0]:,} recordings, listed in `{card_texts.SOURCES[dataset]}`."
    loss = f"{training.get('loss', '?')} {_number(training.get('best_valid_loss'))}"
    return Card(
        title=f"{kind} for {teacher}",
        what=card_texts.WHAT.get(kind, card_texts.OTHER),
        facts=[*exported.items(), *_facts(name, table)],
        data=data,
        command=training_command(factors, table),
        training=_training(training, table.get("provenance") or {}),
        tables=_scores(name) if is_ours else [],
        validation=f"a loss ({loss.split()[0]}) of {loss.split()[1]}",
        limits=[
            *filter(None, [card_texts.LIMITS.get(kind), card_texts.EXPORTED if exported else None]),
            *card_texts.ALL_LIMITS,
        ],
        licence=card_texts.LICENCE.format(table=f"`{card_texts.SOURCES[dataset]}`",
                                          licences=licences[1])
        if is_ours else card_texts.OTHER_LICENCE,
        file=str(exported.get("file", "")),
    )  # fmt: skip


def _scores(name: str) -> list[CardTable]:
    """The scores of a model that comes with the project, by the name of its checkpoint."""
    from judging.methods import short_name

    is_judged = factors_of(name).get("classifier") == "YamNet"
    return scores_of(f"reference_models: {short_name(name)}") if is_judged else []


def _facts(name: str, table: Mapping) -> list[tuple[str, object]]:
    sizes = {
        "cnn_nb_layers": "layers", "cnn_nb_channels": "channels", "cnn_kernel_size": "kernel",
        "token_layers": "layers", "token_width": "wide",
    }  # fmt: skip
    told = [f"{table[key]} {word}" for key, word in sizes.items() if table.get(key) is not None]
    return [
        ("checkpoint", f"`{name}`"),
        ("network", ", ".join([str(table["model_type"]), *told])),
        ("in", f"`(n, {', '.join(map(str, table['input_shape']))})` dB"),
        ("out", f"`(n, {', '.join(map(str, table['output_shape']))})`"),
        ("weights stored as", table.get("stored_as", "float32")),
    ]


def _training(training: Mapping, provenance: Mapping) -> list[tuple[str, object]]:
    told = [
        ("batches", training.get("steps_done")),
        ("epochs done, best", f"{training.get('epochs_done')}, {training.get('best_epoch')}"),
        ("seed", training.get("seed")),
        ("device and precision", f"{training.get('device')}, {training.get('precision')}"),
        ("mark of the teacher's weights", training.get("teacher")),
        ("mark of the train split", training.get("data_train")),
        ("made", f"{provenance.get('date')}, commit {provenance.get('git_commit')}, "
                 f"torch {provenance.get('torch')}"),
    ]  # fmt: skip
    return [(name, value) for name, value in told if value is not None]


def is_for_small(training: Mapping) -> bool:
    """Whether a transcoder learned from the embedded small YAMNet."""
    from transcoder.checkpoint_choice import small_yamnet

    teacher = training.get("teacher")
    return teacher is not None and teacher == small_yamnet().get("fingerprint")


def licences_of(table: str | None) -> tuple[int, str] | None:
    """How many recordings a table of sources lists, and how many of each licence."""
    path = REFERENCE_MODELS / str(table)
    if table is None or not path.is_file():
        return None
    return count_licences(path)


def count_licences(path: Path) -> tuple[int, str]:
    """The same of any table of sources."""
    with path.open(encoding="utf-8", newline="") as file:
        counts = Counter(row["licence"] for row in csv.DictReader(file))
    told = ", ".join(f"{name} {n:,}" for name, n in counts.most_common())
    return counts.total(), told


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "?"


def rendered(card: Card) -> str:
    """A card as Markdown."""
    environment = page_environment(Path(__file__).parent / "templates")
    environment.autoescape = False
    return environment.get_template("card.md.j2").render(card=card).rstrip() + "\n"


def training_command(factors: Mapping[str, str], table: Mapping) -> str:
    """The command line of a training, from the setting and its options.

    ``factors`` are those of the checkpoint's name, ``table`` is its YAML.
    """
    training = table.get("settings") or {}
    options = [
        ("recipe", training.get("recipe")),
        ("batch_size", table.get("batch_size")),
        ("precision", training.get("precision")),
        ("epochs_override", training.get("epochs_override")),
        ("max_steps", training.get("max_steps")),
        ("distinct_mixtures", training.get("distinct_mixtures")),
        ("noise_draws", training.get("noise_draws")),
        ("initial_model", training.get("initial_model")),
        ("seed", training.get("seed") or None),
    ]
    told = [f"--{name} {value}" for name, value in options if value is not None]
    setting = "+".join(f"{key}={value}" for key, value in factors.items())
    return " ".join([_PROGRAM, *told, f"-s {_plan_of(factors)}/{setting}"])


def _plan_of(factors: Mapping[str, str]) -> str:
    """The plan that has the setting."""
    from exp_train_model.plans import PLANS

    for plan in PLANS:
        if plan.factors.keys() == factors.keys() and all(
            factors[name] in map(str, values) for name, values in plan.factors.items()
        ):
            return plan.name
    return "..."
