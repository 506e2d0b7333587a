"""The project's words: one name for each classifier and each kind of Mels, and for their files.

Imports nothing heavy, so that command lines can offer them.
"""

CLASSIFIERS = ("YamNet", "PANN")
DEFAULT_CLASSIFIER = "YamNet"  # works without a download

METHODS = {"pinv": "PINV", "cnn_mels": "CNN-mels", "cnn_logits": "CNN-logits"}
"""The transcoders that programs offer by name, and what the paper calls them."""

TRUE_MELS = "true_mels"
"""The Mels of the audio itself, where they stand beside those of `METHODS`."""

MELS = {TRUE_MELS: "true Mels", **METHODS}
"""Every kind of Mels, and what prose, tables and figures call it."""

WAV_ENDINGS = {
    "original": "original",
    TRUE_MELS: "generated_from_groundtruth_mel",
    **{method: f"generated_from_{method}" for method in METHODS},
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
