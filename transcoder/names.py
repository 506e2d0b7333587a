"""The project's words: one name for each classifier and each kind of Mels, and for their files.

Imports nothing heavy, so that command lines can offer them.
"""

from collections.abc import Mapping
from pathlib import Path

CLASSIFIERS = ("YamNet", "PANN")
DEFAULT_CLASSIFIER = "YamNet"  # works without a download

METHODS = {
    "pinv": "PINV",
    "texture": "texture",
    "cnn_mels": "CNN-mels",
    "cnn_logits": "CNN-logits",
    "textured": "textured CNN",
}
"""The transcoders to Mels that programs offer by name, and what prose calls them."""

PAPER_METHODS = ("pinv", "cnn_mels", "cnn_logits")
"""Those of Tailleur et al., DCASE 2023."""

CLASS_METHODS = {"direct": "direct"}
"""Ways from levels to classes without Mels."""

WAYS = METHODS | CLASS_METHODS
"""Every way from levels to classes, and what prose calls it."""

DEFAULT_CLASS_METHOD = "direct"
"""What tells classes from levels unless told otherwise: the nearest to the true Mels' classes on
recordings that no training saw, and the fastest."""

FACTORS_OF_METHODS = {
    "cnn_mels": {"transcoder": "cnn_pinv", "ts": "0"},
    "cnn_logits": {"transcoder": "cnn_pinv", "ts": "1", "prop_logit": "100"},
    "textured": {"transcoder": "textured", "ts": "1"},
    "direct": {"transcoder": "direct", "ts": "1"},
}
"""What the file name of a method's checkpoint says: it is the identifier of its training."""


def factors_of(name: str) -> dict[str, str]:
    """The factors of the setting whose identifier a checkpoint's ``name`` is."""
    parts = name.removesuffix(".safetensors").removesuffix("_model").split("+")
    return dict(part.split("=", 1) for part in parts if "=" in part)


def model_name(factors: Mapping[str, str | int]) -> str:
    """What the paper, or we, call the model of a setting."""
    transcoder = str(factors["transcoder"])
    told = {name: str(factors[name]) for name in factors}
    for method, wanted in FACTORS_OF_METHODS.items():
        if wanted.items() <= told.items():
            return WAYS[method]
    others = {"cnn_pinv": "CNN-hybrid", "mlp_pinv": "MLP-PINV", "mlp": "MLP"}
    return others.get(transcoder, WAYS.get(transcoder, transcoder))


TRUE_MELS = "true_mels"
"""The Mels of the audio itself, where they stand beside those of `METHODS`."""

NOISE_VOCODER = "noise_vocoder"
"""The sound of the levels without Mels between, and the Mels of that sound."""

MELS = {TRUE_MELS: "true Mels", **METHODS, NOISE_VOCODER: "noise vocoder"}
"""Every kind of Mels, and what prose, tables and figures call it."""

TITLES = MELS | CLASS_METHODS
"""The same, and the ways without Mels."""

WAV_ENDINGS = {
    "original": "original",
    TRUE_MELS: "generated_from_groundtruth_mel",
    **{method: f"generated_from_{method}" for method in (*METHODS, NOISE_VOCODER)},
}
"""The sounds that generate_audio.py makes, in the order of listening, and how their published
file names end."""


def wav_name(recording: str, sound: str) -> str:
    """The file of a recording's ``sound``, one of `WAV_ENDINGS`."""
    return f"{recording}_{WAV_ENDINGS[sound]}.wav"


def of_classifier(name: str, classifier: str) -> str:
    """``name`` of a file or folder for one classifier: a second one overwrites nothing.

    The default classifier's have the published names, another's end with its name.
    """
    return name if classifier == DEFAULT_CLASSIFIER else f"{name}_{classifier}"


TAU_FOLDER = "TAU-urban-acoustic-scenes-2020-mobile-development"
"""What the data set TAU calls the folder that it comes in; data sets in its layout have it too."""

DEMO = "DEMO"
"""The sounds that the project makes itself, and the folder that they come in."""

DEMO_MARK = "DEMO.txt"
"""A file in their folder that tells them from recordings."""

DEMO_NOTE = (
    "DEMO: sounds made by rule, no recordings; the scores show that the chain works, not how good "
    "a method is, and cannot be compared with the published ones"
)


def demo_name(dataset: str) -> str:
    """What the experiments call DEMO's data set in the layout of ``dataset``."""
    return f"{DEMO}-{dataset}"


def is_demo(dataset: str) -> bool:
    """Whether a data set's name is one of `demo_name`."""
    return dataset.startswith(f"{DEMO}-")


def real_name(dataset: str) -> str:
    """The data set whose layout one of DEMO's has; others are their own."""
    return dataset.removeprefix(f"{DEMO}-")


def is_demo_folder(folder: Path) -> bool:
    """Whether the data set in ``folder`` is one of DEMO's, wherever it was moved to."""
    return (folder / DEMO_MARK).is_file() or folder.absolute().parent.name == DEMO


def trial_of(
    training: Mapping[str, object], epochs: int | None, *, scratch_counts: bool = False
) -> str:
    """In what a training fell short of its setting; empty if in nothing.

    Parameters
    ----------
    training
        What the checkpoint's YAML tells of it.
    epochs
        That the setting asks for.
    scratch_counts
        Whether the model should have begun with pretrained weights.
    """
    found = []
    if training.get("epochs_override") not in (None, epochs):
        found.append(f"{training['epochs_override']} epochs in place of {epochs}")
    if training.get("max_steps") is not None:
        found.append(f"at most {training['max_steps']} batches")
    if scratch_counts and training.get("pretrained") is False:
        found.append("from random weights")
    return "; ".join(found)
