"""Levels or Mels to classes over time, as tables."""

import os

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from spectral_transcoder import loading
from spectral_transcoder.signals import Array, mels_of_seconds
from transcoder.audioset import class_names
from transcoder.errors import UsageError
from transcoder.names import CLASS_METHODS, DEFAULT_CLASS_METHOD, DEFAULT_CLASSIFIER


def classes(
    levels: Array,
    *,
    classifier: str = DEFAULT_CLASSIFIER,
    method: str = DEFAULT_CLASS_METHOD,
    draws: int = 1,
    models: str | os.PathLike | None = None,
) -> pd.DataFrame:
    """What was heard in each second, from levels.

    Parameters
    ----------
    levels
        ``(seconds, 8, 29)`` or ``(frames, 29)`` dB, as of `mels`.
    classifier, method
        Of `CLASSIFIERS` and `METHODS`. Behind Mels, the classifier hears each second by itself.
    draws
        Of the noise in the Mels of ``"texture"`` and ``"textured"``: their answers are averaged.
    models
        A folder of transcoders, as of `mels`.

    Returns
    -------
    pandas.DataFrame
        A row a second, its index ``time_s`` from 0; a column of probabilities (0 to 1, float32) for
        each class of AudioSet that the classifier knows: 521 (``"YamNet"``) or 527 (``"PANN"``).

    Raises
    ------
    UserError
        For another shape, levels that are not finite, or a model that is not there.

    Examples
    --------
    >>> import spectral_transcoder as st
    >>> heard = st.classes(st.levels("street_scene.wav"))
    >>> heard.shape
    (10, 521)
    >>> list(heard.columns[:2])
    ['Speech', 'Child speech, kid speaking']
    """
    if draws < 1:
        raise UsageError(f"draws must be 1 or more, not {draws}")
    way = loading.transcoder(classifier, method, models)
    answers = []
    for draw in way.draws(draws):
        found = way.from_third_octave(levels, draw=draw)
        if method not in CLASS_METHODS:
            found = loading.judge_of(classifier).probabilities(found)
        answers.append(found)
    return _table(torch.stack(answers).mean(dim=0), classifier)


def classes_of_mels(mels: Array, *, classifier: str = DEFAULT_CLASSIFIER) -> pd.DataFrame:
    """What the classifier hears in each second of Mels ``(seconds, frames, 64)``.

    Table and errors are those of `classes`.

    Examples
    --------
    >>> import spectral_transcoder as st
    >>> st.classes_of_mels(st.true_mels("street_scene.wav")).index.name
    'time_s'
    """
    judge = loading.judge_of(classifier)
    return _table(judge.probabilities(mels_of_seconds(mels, judge.front_end)), classifier)


def groups(classes: pd.DataFrame) -> pd.DataFrame:
    """Traffic, voice and birds: in each row the highest probability among the classes of a group.

    ``classes`` is a table of `classes`, or means of its rows over time.

    Examples
    --------
    >>> import spectral_transcoder as st
    >>> list(st.groups(st.classes(st.levels("street_scene.wav"))))
    ['traffic', 'voice', 'birds']
    """
    from archives.selection import traffic_voice_birds

    for classifier in ("YamNet", "PANN"):
        if list(classes.columns) == class_names(classifier):
            selection = traffic_voice_birds(classifier)
            values, _ = selection.apply(classes.to_numpy(dtype=np.float32))
            return pd.DataFrame(values, index=classes.index, columns=list(selection.names))
    raise UsageError("groups takes a table with all classes of a classifier, as classes() gives it")


def _table(probabilities: Tensor, classifier: str) -> pd.DataFrame:
    index = pd.RangeIndex(len(probabilities), name="time_s")
    return pd.DataFrame(probabilities.numpy(), index=index, columns=class_names(classifier))
