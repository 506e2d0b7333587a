"""What a classifier hears in recordings or archives, second by second, beside their annotations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archives.annotations import Annotations
from archives.frames import LOCAL, NO_CLOCK, UTC, ArchiveError
from archives.inference import LevelClassifier
from archives.inputs import Task, find_inputs
from archives.levels import LevelScale, archive_units
from archives.open_archive import open_archive
from archives.options import ReadOptions
from archives.presence_fit import MOST_FOLDS, Heard
from archives.selection import Selection
from archives.timeline import Timeline, Units, in_parts
from transcoder.audio import open_recording
from transcoder.errors import UserError
from transcoder.settings import THIRD_OCTAVE
from transcoder.transcode import Transcoder

SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")

_DATES = {LOCAL: "times without a zone", UTC: "times in UTC, or with a zone"}

_PART_S = 600
_LEAST_RECORDINGS = 4  # with fewer, stretches of a recording are left out together


@dataclass(frozen=True, eq=False)
class Listening:
    """How files of levels or sound are read and heard.

    ``heard_s``: seconds that the classifier hears as one.
    """

    classify: LevelClassifier
    selection: Selection
    read: ReadOptions
    scale: LevelScale
    heard_s: int

    def seconds_of(self, path: Path) -> tuple[NDArray[np.float64], NDArray[np.float32], str]:
        """Starts of the full units ``(n,)``, ``(n, n_groups)``, and the clock of the starts."""
        if path.suffix.lower() in SOUND_SUFFIXES:
            units, clock = _sound_units(path, self.heard_s), NO_CLOCK
        else:
            archive = open_archive(path, self.read)
            timeline = Timeline.of(path, self.read, self.heard_s)
            units, clock = archive_units(archive, timeline, self.scale), archive.clock
        times, values = [], []
        for part in in_parts(units, max(1, _PART_S // self.heard_s)):
            is_full = part.n_frames == self.heard_s * THIRD_OCTAVE.frames_per_chunk
            times.append(part.times_s[is_full])
            values.append(self.selection.apply(self.classify(part))[0][is_full])
        starts = np.concatenate(times)
        if not len(starts):
            raise ArchiveError(f"{path}: holds no full {self.heard_s} s")
        return starts, np.concatenate(values), clock


def find_annotated(inputs: Sequence[str], annotations: Mapping[str, Annotations]) -> list[Task]:
    """The file of each annotated recording, by its name without suffix; folders are searched.

    Raises `UserError` if a recording has none.
    """
    tasks: list[Task] = []
    for given in inputs:
        path = Path(given)
        below = sorted(path.rglob("*")) if path.is_dir() else [path]
        sounds = [file for file in below if file.suffix.lower() in SOUND_SUFFIXES]
        tasks += [Task(file, file.stem) for file in sounds] or find_inputs([given])
    by_name = {Path(task.name).name: task for task in tasks}
    missing = [name for name in annotations if name not in by_name]
    if missing:
        raise UserError(
            f"no file of levels or sound is called like the annotated recording {missing[0]!r} "
            f"({len(missing)} of {len(annotations)} are missing)"
        )
    return [by_name[name] for name in annotations]


def collect(
    tasks: Sequence[Task], annotations: Mapping[str, Annotations], listening: Listening
) -> dict[str, Heard]:
    """The annotated seconds of each group that ``listening`` selects.

    ``annotations``: of each of ``tasks``, in order; their columns are the selected groups.

    Raises `UserError` if no second of a recording is annotated, or dates are missing.
    """
    recordings = []
    for task, said in zip(tasks, annotations.values(), strict=True):
        starts, values, clock = listening.seconds_of(task.path)
        if said.has_dates and said.clock != clock:
            raise UserError(
                f"{task.path}: is annotated by dates ({_DATES[said.clock]}), but has "
                f"{_DATES.get(clock, 'none')}"
            )
        middles = starts + listening.heard_s / 2 - (0 if said.has_dates else starts[0])
        stretch = _stretches(middles, said)
        if not (stretch >= 0).any():
            raise UserError(f"{task.path}: no annotation is of a time that it has levels of")
        recordings.append(_Recording(values, stretch, said.share))
    return {
        name: _of_group(recordings, column) for column, name in enumerate(listening.selection.names)
    }


@dataclass(frozen=True, eq=False)
class _Recording:
    values: NDArray[np.float32]  # (n, n_groups)
    stretch: NDArray[np.int64]  # (n,), -1 where nothing is annotated
    share: NDArray[np.float64]  # (n_stretches, n_groups)


def _of_group(recordings: Sequence[_Recording], column: int) -> Heard:
    """Stretches without a unit, or of which nobody knows, are left out."""
    probability, stretch, share, fold = [], [], [], []
    n_stretches = 0
    for number, recording in enumerate(recordings):
        is_known = np.append(np.isfinite(recording.share[:, column]), False)
        kept = is_known[recording.stretch]  # -1: the last
        found, numbers = np.unique(recording.stretch[kept], return_inverse=True)
        probability.append(recording.values[kept, column])
        stretch.append(n_stretches + numbers)
        share.append(recording.share[found, column])
        fold.append(np.full(len(found), number))
        n_stretches += len(found)
    folds = np.concatenate(fold)
    if len(recordings) < _LEAST_RECORDINGS:
        folds = np.arange(n_stretches) * MOST_FOLDS // max(n_stretches, 1)
    return Heard(
        np.concatenate(probability).astype(np.float64),
        np.concatenate(stretch),
        np.concatenate(share),
        folds % MOST_FOLDS,
    )


def _sound_units(path: Path, heard_s: int) -> Iterator[Units]:
    """Those of a recording, peak-normalised as in training."""
    sound = open_recording(path)
    n_units = sound.n_samples // (sound.sample_rate * heard_s)
    if not n_units:
        raise UserError(f"{path}: is shorter than {heard_s} s")
    levels = Transcoder("YamNet").third_octave_of(sound.waveform, sound.sample_rate).numpy()
    seconds = levels[: n_units * heard_s].reshape(n_units, heard_s, *levels.shape[1:])
    yield Units(
        np.arange(n_units, dtype=np.float64) * heard_s,
        seconds,
        np.full(n_units, heard_s * THIRD_OCTAVE.frames_per_chunk),
        np.zeros(n_units, dtype=np.int64),
    )


def _stretches(middles: NDArray, said: Annotations) -> NDArray[np.int64]:
    """Which stretch each middle lies in, -1 for none; of several, the last one."""
    stretch = np.full(len(middles), -1)
    for number, (start, end) in enumerate(zip(said.start_s, said.end_s, strict=True)):
        stretch[(middles >= start) & (middles < end)] = number
    return stretch
