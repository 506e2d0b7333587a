"""All sounds of one split in one file: what endless mixtures are made of, read at random places.

Recordings (`CorpusRecording`) and renderings of DEMO's synthesisers lie one after the other as
16-bit samples at 32 kHz. The file is mapped, not loaded: workers share it, and memory stays
bounded.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from demo_scenes.scenes import SOURCES
from demo_scenes.signals import Synth
from open_corpus.files import OpenFiles
from open_corpus.selection import SAMPLE_RATE, CorpusRecording
from transcoder.audio import read_audio
from transcoder.errors import MissingFileError, UserError
from transcoder.files import atomic_path, read_records, write_records
from transcoder.processes import map_all

SYNTHESISED = "synthesised"
"""The kind of DEMO's sounds; the other kinds are those of `CorpusRecording`."""

RENDERING_S = 8.0

_SAMPLES, _LIST = "{}.int16", "{}.csv"


@dataclass(frozen=True)
class Sound:
    """Where a sound lies in the bank, and what is known about it."""

    kind: str
    package: str  # of a rendering: "DEMO"
    group: str  # takes of one recording, or renderings of one synthesiser
    name: str
    bandwidth_hz: float
    start: int  # samples
    length: int

    @property
    def seconds(self) -> float:
        return self.length / SAMPLE_RATE


class SoundBank:
    """The sounds of one split; ``wave`` cuts a piece out of one."""

    def __init__(self, folder: Path, split: str):
        self.sounds = read_records(sound_list(folder, split), Sound)
        self._samples = np.memmap(folder / _SAMPLES.format(split), dtype=np.int16, mode="r")
        expected = sum(sound.length for sound in self.sounds)
        if len(self._samples) != expected:
            raise UserError(
                f"{folder}: the bank holds {len(self._samples)} samples, its list says {expected}: "
                "delete it and make it again"
            )

    def wave(self, sound: Sound, offset: int, length: int) -> np.ndarray:
        """``(length,)`` float32 of the sound from ``offset`` on, peak of the whole sound 1."""
        first = sound.start + offset
        return self._samples[first : first + length].astype(np.float32) / 32767


def sound_list(bank: Path, split: str) -> Path:
    """The list of a split's sounds; the `MissingFileError` names the command that makes it."""
    listing = bank / _LIST.format(split)
    if not listing.is_file():
        raise MissingFileError(
            f"{listing} is missing; make the data set OPEN with: "
            f"python open_corpus/create_open_dataset.py --output_path {bank.parent.parent}"
        )
    return listing


def write_bank(
    files: OpenFiles,
    split: str,
    sources: Sequence[CorpusRecording],
    *,
    renderings: int,
    seed: int,
    workers: int,
) -> None:
    """Write the bank of one split, unless it is there.

    Parameters
    ----------
    sources
        The recordings of the split, decoded into ``files.sources``.
    renderings
        How many of each of DEMO's synthesisers, of `RENDERING_S`; other splits have others.
    """
    folder = files.bank
    if (folder / _LIST.format(split)).is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    rendered = map_all(
        functools.partial(_render, seed=seed, split=split),
        [(name, i) for name in SOURCES for i in range(renderings)],
        workers=workers,
        desc=f"Synthesising {split}",
        unit="sound",
    )
    sounds: list[Sound] = []
    with atomic_path(folder / _SAMPLES.format(split)) as temporary, temporary.open("wb") as file:
        for sound, samples in (*_recorded(sources, files.sources, split), *rendered):
            start = sounds[-1].start + sounds[-1].length if sounds else 0
            file.write(samples.tobytes())
            sounds.append(replace(sound, start=start, length=len(samples)))
    write_records(folder / _LIST.format(split), Sound, sounds)  # last: it says "complete"


def _recorded(
    sources: Sequence[CorpusRecording], store: Path, split: str
) -> Iterator[tuple[Sound, np.ndarray]]:
    for source in tqdm(sources, desc=f"Collecting {split}", unit="recording"):
        wave, _ = read_audio(store / f"{source.content}.flac")
        sound = Sound(
            source.kind, source.package, source.group, source.file, source.bandwidth_hz, 0, 0
        )
        yield sound, _as_int16(wave)


def _render(job: tuple[str, int], *, seed: int, split: str) -> tuple[Sound, np.ndarray]:
    name, number = job
    order = list(SOURCES).index(name)
    synth = Synth((seed, *split.encode(), order, number), SAMPLE_RATE)
    wave = SOURCES[name](synth, RENDERING_S)
    sound = Sound(SYNTHESISED, "DEMO", name, f"{name} {number}", SAMPLE_RATE / 2, 0, 0)
    return sound, _as_int16(wave)


def _as_int16(wave: np.ndarray) -> np.ndarray:
    peak = max(float(np.abs(wave).max(initial=0)), 1e-9)
    return np.round(wave * (32767 / peak)).astype(np.int16)
