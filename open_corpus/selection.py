"""From the table of packages to recordings: decoded, trimmed, without duplicates, split."""

import functools
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from features.files import SPLITS
from open_corpus.packages import fetch_all, unpack_sounds, version_of
from open_corpus.table import KINDS, Wanted, read_table
from transcoder.audio import AudioError, peak_normalise, read_audio, resample
from transcoder.errors import UserError
from transcoder.files import atomic_path, read_records, write_records
from transcoder.processes import map_all
from transcoder.settings import THIRD_OCTAVE

SAMPLE_RATE = THIRD_OCTAVE.sample_rate
MAX_SOURCE_S = {"environment": 120.0, "speech": 30.0, "music": 30.0}
"""Of a longer file only the start is used."""

CAP_S = {"environment": float("inf"), "speech": 3600.0, "music": 3600.0}
"""Of all sources of a kind together: a street has less music and speech than the packages."""

SHARES = {"train": 0.7, "valid": 0.15, "eval": 0.15}
"""Of each kind's seconds."""

_SILENT_PEAK = 1e-3  # -60 dBFS
_TRIM_BELOW_PEAK = 10 ** (-50 / 20)
_MIN_SOURCE_S = 0.1
_MARGIN_S = 0.01


@dataclass(frozen=True)
class CorpusRecording:
    """A decoded recording: mono, 32 kHz, peak 1, in ``<store>/<content>.flac``."""

    package: str
    version: str
    licence: str
    file: str  # its path in the package
    kind: str
    seconds: float
    bandwidth_hz: float  # of the recording; 16 kHz means all that the corpus can hold
    content: str  # hash of the samples

    @property
    def group(self) -> str:
        """What may not be torn apart by a split: "dog1" and "dog2" are takes of one recording."""
        return f"{self.package} {re.sub(r'[0-9]', '', PurePosixPath(self.file).stem)}"


def collect(
    table: Path, packages: Path, store: Path, *, seed: int, workers: int
) -> tuple[list[tuple[CorpusRecording, str]], list[str]]:
    """Fetch the packages of ``table`` and decode what is wanted of them into ``store``.

    Returns
    -------
    sources : recordings with their splits
    problems : packages that could not be had, and why

    Raises
    ------
    UserError
        If there is no package at all.
    """
    wanted = read_table(table)
    archives, problems = fetch_all(wanted, packages)
    if not archives:
        raise UserError(f"no package could be fetched: {problems[0]}")
    return pick(decode_all(archives, wanted, store, workers=workers), seed), problems


def decode_all(
    archives: Mapping[str, Path], wanted: Sequence[Wanted], store: Path, *, workers: int
) -> list[CorpusRecording]:
    """The sources of all packages, decoded into ``store``; what is there is not done again."""
    store.mkdir(parents=True, exist_ok=True)
    for leftover in store.glob(".unpacking-*"):
        shutil.rmtree(leftover)  # of a run that was killed
    found = map_all(
        functools.partial(decode_package, wanted=wanted, store=store),
        list(archives.values()),
        workers=workers,
        desc="Decoding",
        unit="package",
    )
    return [source for sources in found for source in sources]


def decode_package(package: Path, wanted: Sequence[Wanted], store: Path) -> list[CorpusRecording]:
    """The sources of one package, which come into ``store``; done once for each table.

    ``wanted`` may have rows of other packages. Files that cannot be decoded, are silent or
    shorter than 0.1 s are left out.
    """
    name = package.name.split("_")[0]
    wanted = [row for row in wanted if row.package == name]
    settings = [package.name, [astuple(row) for row in wanted], MAX_SOURCE_S]
    mark = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:12]
    list_path = store / f"{name}-{mark}.csv"
    if list_path.exists():
        return read_records(list_path, CorpusRecording)
    sources = []
    with tempfile.TemporaryDirectory(dir=store, prefix=".unpacking-") as folder:
        paths = unpack_sounds(
            package, Path(folder), lambda path: any(row.matches(path) for row in wanted)
        )
        for path in paths:
            row = next(row for row in wanted if row.matches(path))
            try:
                waveform, bandwidth_hz = decode(Path(folder) / path[1:], MAX_SOURCE_S[row.kind])
            except AudioError:
                continue
            if waveform.size >= _MIN_SOURCE_S * SAMPLE_RATE:
                seconds = round(waveform.size / SAMPLE_RATE, 3)
                bandwidth_hz = min(bandwidth_hz, row.bandwidth_hz)
                about = (row.package, version_of(package), row.licence, path, row.kind)
                content = _keep(waveform, store)
                sources.append(CorpusRecording(*about, seconds, bandwidth_hz, content))
    write_records(list_path, CorpusRecording, sources)
    return sources


def decode(path: Path, max_s: float) -> tuple[np.ndarray, float]:
    """A file at 32 kHz, trimmed, peak 1: ``(samples,)``, empty if silent; and its bandwidth."""
    waveform, sample_rate = read_audio(path, duration_s=max_s)
    bandwidth_hz = min(sample_rate, SAMPLE_RATE) / 2
    waveform = resample(waveform - waveform.mean(), sample_rate, SAMPLE_RATE)
    peak = np.abs(waveform).max(initial=0)
    if peak < _SILENT_PEAK:
        return waveform[:0], bandwidth_hz
    heard = np.flatnonzero(np.abs(waveform) > peak * _TRIM_BELOW_PEAK)
    margin = round(_MARGIN_S * SAMPLE_RATE)
    waveform = waveform[max(0, heard[0] - margin) : heard[-1] + 1 + margin]
    return peak_normalise(waveform), bandwidth_hz


def pick(sources: Iterable[CorpusRecording], seed: int) -> list[tuple[CorpusRecording, str]]:
    """Drop duplicates, apply `CAP_S`, and give each source its split.

    Groups of sources (see `CorpusRecording.group`) come in random order; each goes to the split
    that is furthest below its share of the kind's seconds.
    """
    unique = list({s.content: s for s in reversed(list(sources))}.values())
    picked = []
    for number, kind in enumerate(KINDS):
        groups: dict[str, list[CorpusRecording]] = {}
        for source in sorted((s for s in unique if s.kind == kind), key=lambda s: s.file):
            groups.setdefault(source.group, []).append(source)
        names = sorted(groups)
        np.random.default_rng((seed, number)).shuffle(names)
        total_s = 0.0
        split_s = dict.fromkeys(SPLITS, 0.0)
        for name in names:
            split = min(SPLITS, key=lambda s: split_s[s] / SHARES[s])
            for source in groups[name]:
                if total_s + source.seconds <= CAP_S[kind]:
                    total_s += source.seconds
                    split_s[split] += source.seconds
                    picked.append((source, split))
    return picked


def _keep(waveform: np.ndarray, store: Path) -> str:
    """Write the samples to the store, unless they are there; gives their hash."""
    import soundfile

    samples = np.round(waveform * 32767).astype(np.int16)
    content = hashlib.sha256(samples.tobytes()).hexdigest()[:16]
    path = store / f"{content}.flac"
    if not path.exists():
        with atomic_path(path) as temporary:
            soundfile.write(temporary, samples, SAMPLE_RATE, subtype="PCM_16")
    return content
