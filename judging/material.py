"""What is judged on: recordings with their levels, true Mels and what the judge hears in these."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from features.clips import FeatureConfig, extractors
from features.files import levels_name, mels_name
from features.reading import Features
from open_corpus.packages import SOUND_SUFFIXES
from transcoder.audio import AudioError, n_chunks, prepare, read_audio, to_chunks
from transcoder.audioset import TVB_NAMES
from transcoder.class_tables import table_rows
from transcoder.classifiers import Classifier
from transcoder.errors import MissingFileError, UserError
from transcoder.settings import CHUNK_DURATION_S

PRESENCE_COLUMNS = ("recording", *TVB_NAMES.values())
"""Headings of a table of listeners' time of presence, between 0 and 1."""

_BATCH_S = 64


@dataclass(frozen=True)
class Recording:
    """Where a recording lies, and what people said about it."""

    path: Path
    label: str | None = None  # the sub-folder's name
    presence: tuple[float, ...] | None = None  # of traffic, voice, birds


@dataclass(frozen=True, eq=False)
class Material:
    """A set of recordings in memory.

    Attributes
    ----------
    recordings : names
    levels : for each recording ``(seconds, 8, 29)`` dB
    mels : for each ``(seconds, frames, 64)``, the true log-Mels
    truth : ``(all seconds, n_classes)``, the judge's probabilities for the true Mels
    labels : for each recording, or None
    presence : ``(n_recordings, 3)``, listeners' presence of traffic, voice, birds, or None
    """

    name: str
    recordings: tuple[str, ...]
    levels: tuple[Tensor, ...]
    mels: tuple[Tensor, ...]
    truth: NDArray[np.float32]
    labels: tuple[str, ...] | None = None
    presence: NDArray[np.float64] | None = None

    @property
    def counts(self) -> NDArray[np.int64]:
        """Seconds of each recording."""
        return np.array([len(levels) for levels in self.levels])


def find_recordings(path: Path) -> list[Recording]:
    """The recordings of a folder, or a single file.

    Those in sub-folders are labelled by the sub-folder's name. A CSV table beside the recordings
    with the columns `PRESENCE_COLUMNS` gives the listeners' presence, by file names without
    suffix.

    Raises
    ------
    MissingFileError
        If there is nothing at ``path``, or no sound file in it.
    UserError
        If some recordings are labelled and others are not, or a table lacks some of them.
    """
    if path.is_file():
        return [Recording(path)]
    if not path.is_dir():
        raise MissingFileError(f"{path}: no such file or folder of recordings")
    loose = [Recording(file) for file in _sounds(path)]
    labelled = [
        Recording(file, label=folder.name)
        for folder in sorted(path.iterdir())
        if folder.is_dir()
        for file in _sounds(folder)
    ]
    if loose and labelled:
        raise UserError(
            f"{path}: {len(loose)} recordings lie beside sub-folders with {len(labelled)}: put "
            "them into one, too (its name is their label), or elsewhere"
        )
    if not (loose or labelled):
        raise MissingFileError(f"{path}: no sound files there, nor one folder deeper")
    tables = sorted(path.glob("*.csv"))
    if len(tables) > 1:
        raise UserError(f"{path}: {len(tables)} tables (.csv) of presence there, one is needed")
    return _with_presence(loose or labelled, tables[0]) if tables else loose or labelled


def load_recordings(path: Path, judge: Classifier, *, partial: bool = False) -> Material:
    """Decode a set and let the judge hear its true Mels; errors as `find_recordings`.

    Levels and Mels are those of training: of each second by itself. What is left at the end of a
    recording, less than a second, is left out; with ``partial`` it is completed with silence and
    counts as any second.
    """
    found = find_recordings(path)
    config = FeatureConfig(classifiers=(judge.name,))
    modules = extractors(config)
    levels, mels = [], []
    wanted = {levels_name(judge.name, config.input_type): levels, mels_name(judge.name): mels}
    for recording in found:
        waveform, sample_rate = read_audio(recording.path)
        seconds = n_chunks(waveform.size, sample_rate)
        if not partial:
            seconds = waveform.size // (sample_rate * CHUNK_DURATION_S)
        if not seconds:
            raise AudioError(f"{recording.path}: is shorter than a second: take it out of the set")
        for name, of_all in wanted.items():
            rate, module = modules[name].sample_rate, modules[name].module
            chunks = torch.from_numpy(to_chunks(prepare(waveform, sample_rate, rate), rate))
            of_all.append(torch.cat([module(batch) for batch in chunks[:seconds].split(_BATCH_S)]))
    return Material(
        name=path.name,
        recordings=tuple(recording.path.stem for recording in found),
        levels=tuple(levels),
        mels=tuple(mels),
        truth=_heard(judge, mels),
        labels=None if found[0].label is None else tuple(str(r.label) for r in found),
        presence=None if found[0].presence is None else np.array([r.presence for r in found]),
    )


def load_features(path: Path, judge: Classifier) -> Material:
    """The clips of a feature file (`features.reading.Features`) as a set."""
    features = Features(path, judge.name)
    held = features.hold()
    counts = np.unique(features.file_index, return_counts=True)[1].tolist()
    mels = held.mels.float().split(counts)
    return Material(
        name=path.stem,
        recordings=tuple(Path(name).stem for name in features.file_names),
        levels=held.levels.float().split(counts),
        mels=mels,
        truth=_heard(judge, mels),
    )


def _heard(judge: Classifier, mels) -> NDArray[np.float32]:
    return np.concatenate([judge.probabilities(part).numpy() for part in mels])


def _sounds(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.iterdir()) if file.suffix.lower() in SOUND_SUFFIXES)


def _with_presence(recordings: list[Recording], table: Path) -> list[Recording]:
    given = {}
    for row, (name, *cells) in table_rows(table, PRESENCE_COLUMNS):
        try:
            given[name] = tuple(float(cell) for cell in cells)
        except ValueError:
            raise UserError(f"{table}, row {row}: {cells} are not all numbers") from None
    missing = [r.path.name for r in recordings if r.path.stem not in given]
    if missing:
        raise UserError(f"{table}: no row for {missing[0]} (and {len(missing) - 1} more)")
    return [Recording(r.path, r.label, given[r.path.stem]) for r in recordings]
