"""What cards say that no file of settings tells: of each way, each data set, each teacher."""

from transcoder.names import WAYS

WHAT = {
    WAYS["cnn_mels"]: "A CNN that corrects PINV's Mels towards the true ones, trained on Mels "
    "(Tailleur et al., DCASE 2023; smaller and trained more shortly than the paper's).",
    WAYS["cnn_logits"]: "A CNN that corrects PINV's Mels so that a frozen classifier hears in them "
    "what it hears in the true ones (Tailleur et al., DCASE 2023; smaller than the paper's).",
    WAYS["textured"]: "A small transformer that shapes the Mels of white noise by the levels, with "
    "a roughness of its own for each point, trained through the frozen classifier.",
    WAYS["direct"]: "A small transformer from the levels straight to class probabilities, without "
    "Mels; it learned from the classifier's answers to the audio itself.",
}
OTHER = "A transcoder of third-octave levels; its settings are below."

UNTRAINED = (
    "Third-octave levels to Mels by computation alone, and the classifier that hears them, in one "
    "file."
)

LIMITS = {
    WAYS["cnn_mels"]: "Near the true Mels, but smooth: classifiers hear less in them than in those "
    "of the other ways.",
    WAYS["cnn_logits"]: "Its Mels are made to be recognised by the one classifier that taught it: "
    "not to be looked at, listened to, or given to another.",
    WAYS["textured"]: "Its answers depend on a draw of noise: hear several and average them.",
    WAYS["direct"]: "It gives no Mels and no sound, and its classes are those that the teacher "
    "hears, with the teacher's mistakes.",
}
EXPORTED = (
    "The scores above were measured with PyTorch in float32. A float file's answers are the same; "
    "how far those of int8 are from them is in docs/export.md."
)
ALL_LIMITS = (
    "Levels must be on the networks' scale: measure a sensor's offset first.",
    "Made for levels every 125 ms; 1-s levels carry much less.",
    "Probabilities are a classifier's confidence, not the share of time in which people hear "
    "something; maps of presence come with direct alone.",
)

DATA = {
    "OPEN": "Endless mixtures (data set OPEN) of open recordings and of sounds made by rule; "
    "recordings of the valid and eval splits are others than those of the train split.",
    "full": "2,400 scenes of 10 s as sensors at streets hear them, mixed of open recordings and of "
    "sounds made by rule; the split is by recording and city.",
}
SOURCES = {"OPEN": "open_mixtures_sources.csv", "full": "open_corpus_sources.csv"}
"""The tables of recordings, with their licences, in reference_models/."""

UNKNOWN_DATA = "The data set `{dataset}` of whoever trained it."

LICENCE = (
    "The weights are MIT, as the project. YAMNet, whose answers are learned, is Apache-2.0. The "
    "recordings keep their own licences ({table} names each: {licences})."
)
OTHER_LICENCE = "The project's code is MIT; who trained these weights says what theirs is."
