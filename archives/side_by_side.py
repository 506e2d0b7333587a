"""A recording classified from its audio and from its third-octave levels, compared."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from archives.answers import Rows
from archives.presence_map import GroupEstimate
from archives.selection import Selection
from transcoder.audio import second_weights
from transcoder.classifiers import Classifier
from transcoder.hearing import hear_recording, joins_seconds, weighted_mean
from transcoder.names import CLASS_METHODS, WAYS
from transcoder.plots import add_notes
from transcoder.settings import CHUNK_DURATION_S
from transcoder.sound_files import SoundFile
from transcoder.transcode import Transcoder

TRUE_MELS = "true Mels"


@dataclass(frozen=True, eq=False)
class UnitListener:
    """Who hears a recording, in units of which length, over how many draws of noise in its Mels."""

    classifier: Classifier
    unit_s: int
    draws: int = 1


def classify_ways(
    sound: SoundFile,
    transcoders: Mapping[str, Transcoder],
    listener: UnitListener,
    selection: Selection,
    estimates: Mapping[str, GroupEstimate] = MappingProxyType({}),
) -> dict[str, Rows]:
    """Classes of a recording by every way: `TRUE_MELS` first, then each of ``transcoders``.

    The file is read anew for each of them, piece by piece: memory does not grow with its length,
    but for the probabilities.

    Each way has one row for every unit; the last may be shorter. A last partial second counts by
    its length, and not at all if it is too short: see `second_weights`. Where there is noise in
    the Mels, the probabilities are the mean of the draws. The rows' groups are those of
    ``estimates``, by method.
    """
    unit_s, weights = listener.unit_s, second_weights(sound.n_samples, sound.sample_rate)
    reference = next(iter(transcoders.values()))  # any of them computes the true Mels alike
    true_mels = reference.true_mel_batches(sound, sound.sample_rate)
    heard = _heard(true_mels, listener.classifier, unit_s, weights)
    found = {TRUE_MELS: _rows(heard, selection, unit_s, weights)}
    for method, transcoder in transcoders.items():
        way = _Way(method, transcoder, sound, listener, weights)
        heard = way.heard(unit_s)
        rows = _rows(heard, selection, unit_s, weights)
        if method in estimates:
            rows = replace(rows, groups=way.groups(estimates[method], heard))
        found[WAYS[method]] = rows
    return found


@dataclass(frozen=True, eq=False)
class _Way:
    """A recording by way of its levels."""

    method: str
    transcoder: Transcoder
    sound: SoundFile
    listener: UnitListener
    weights: NDArray  # see `second_weights`

    def heard(self, unit_s: int) -> Tensor:
        """Probabilities of units of this length: ``(units, n_classes)``."""
        answers = (
            self.transcoder.batches_from_wave(self.sound, self.sound.sample_rate, draw=draw)
            for draw in self.transcoder.draws(self.listener.draws)
        )
        if self.method in CLASS_METHODS:
            seconds = torch.cat(list(next(answers)))[: len(self.weights)]
            return _averaged(seconds, unit_s, self.weights)
        classifier = self.listener.classifier
        heard = [_heard(mels, classifier, unit_s, self.weights) for mels in answers]
        return torch.stack(heard).mean(dim=0)

    def groups(self, estimate: GroupEstimate, heard: Tensor) -> NDArray:
        """``estimate`` of the units that were ``heard``, or the mean of that of their seconds."""
        unit_s = self.listener.unit_s
        joins = joins_seconds(self.listener.classifier.name) and self.method not in CLASS_METHODS
        if joins or unit_s == CHUNK_DURATION_S:
            return estimate(heard.numpy())
        seconds = torch.from_numpy(estimate(self.heard(CHUNK_DURATION_S).numpy()))
        return _averaged(seconds, unit_s, self.weights).numpy()


def _heard(
    batches: Iterable[Tensor], classifier: Classifier, unit_s: int, weights: NDArray
) -> Tensor:
    """Mels of all seconds, in pieces: probabilities ``(units, n_classes)``."""
    if unit_s == CHUNK_DURATION_S:
        heard = [classifier.probabilities(mels) for mels in batches]
        return torch.cat(heard)[: len(weights)]
    units = zip(_regrouped(batches, unit_s), _units(unit_s, weights), strict=False)
    return torch.stack(
        [hear_recording(classifier, mels, weights=weights[unit]) for mels, unit in units]
    )


def _regrouped(batches: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """The same seconds, ``size`` at a time; the last may be fewer."""
    waiting = None
    for batch in batches:
        waiting = batch if waiting is None else torch.cat((waiting, batch))
        while len(waiting) >= size:
            yield waiting[:size]
            waiting = waiting[size:]
    if waiting is not None and len(waiting):
        yield waiting


def _averaged(probabilities: Tensor, unit_s: int, weights: NDArray) -> Tensor:
    """Probabilities of all seconds: ``(units, n_classes)``."""
    return torch.stack(
        [weighted_mean(probabilities[unit], weights[unit]) for unit in _units(unit_s, weights)]
    )


def _units(unit_s: int, weights: NDArray) -> list[slice]:
    return [slice(start, start + unit_s) for start in range(0, len(weights), unit_s)]


def _rows(probabilities: Tensor, selection: Selection, unit_s: int, weights: NDArray) -> Rows:
    starts = range(0, len(weights), unit_s)
    values, indices = selection.apply(probabilities.numpy())
    return Rows(
        times_s=np.asarray(starts, dtype=np.float64),
        coverage=np.add.reduceat(weights, starts) / np.float32(unit_s),
        segment=np.zeros(len(values), dtype=np.int64),
        values=values,
        indices=indices,
        laeq_db=np.empty(0, dtype=np.float32),
        groups=np.empty((len(values), 0), dtype=np.float32),
    )


def agreement_table(ways: Mapping[str, Rows], selection: Selection, n_shown: int) -> list[str]:
    """Lines of a table: the names that the true Mels make most probable, and every way's mean.

    In brackets the correlation over time with the true Mels, where both vary.
    """
    dense, shown = _dense(ways, selection, n_shown)
    means = {way: _mean(dense[way], rows) for way, rows in ways.items()}
    truth = dense[TRUE_MELS]
    width = max(len(selection.names[k]) for k in shown)
    lines = [" " * width + "".join(f"  {way:>16}" for way in dense)]
    for k in shown:
        cells = []
        for way, values in dense.items():
            mean = f"{means[way][k]:.3f}"
            agreement = "" if way == TRUE_MELS else _correlation(truth[:, k], values[:, k])
            cells.append(f"  {mean + agreement:>16}")
        lines.append(f"{selection.names[k]:<{width}}" + "".join(cells))
    return lines


def _dense(
    ways: Mapping[str, Rows], selection: Selection, n_shown: int
) -> tuple[dict[str, NDArray], NDArray[np.int64]]:
    """``(n, names)`` of each way; which names the true Mels make most probable."""
    dense = {way: selection.dense(rows.values, rows.indices) for way, rows in ways.items()}
    truth = _mean(dense[TRUE_MELS], ways[TRUE_MELS])
    return dense, np.argsort(-truth, kind="stable")[:n_shown]


def _mean(values: NDArray, rows: Rows) -> NDArray:
    """The mean over time of ``(rows, names)``, each row by the sound that it covers."""
    return np.average(values, axis=0, weights=rows.coverage)


def _correlation(a: NDArray, b: NDArray) -> str:
    if len(a) < 3 or a.std() == 0 or b.std() == 0:
        return "    (-)"
    return f" ({np.corrcoef(a, b)[0, 1]:+.2f})"


def presence_lines(ways: Mapping[str, Rows], estimates: Mapping[str, GroupEstimate]) -> list[str]:
    """For each way that has a calibration, how long each group was there."""
    lines = []
    for method, estimate in estimates.items():
        rows = ways[WAYS[method]]
        shares = zip(estimate.names, _mean(rows.groups, rows).tolist(), strict=True)
        text = ", ".join(f"{name} {share:.0%}" for name, share in shares)
        lines.append(f"presence by {WAYS[method]}, of the time: {text}")
    return lines


def agreement_figure(
    ways: Mapping[str, Rows],
    selection: Selection,
    unit_s: int,
    n_shown: int,
    notes: Sequence[str] = (),
) -> Figure:
    """One panel for each way: the most probable names of the true Mels over time.

    ``notes`` are lines below: what the figure was made with.
    """
    dense, shown = _dense(ways, selection, n_shown)
    figure = Figure(figsize=(2.2 + 2.6 * len(dense), 1.2 + 0.3 * len(shown)), layout="constrained")
    panels = figure.subplots(1, len(dense), sharey=True, squeeze=False)[0]
    for panel, (way, values) in zip(panels, dense.items(), strict=True):
        image = panel.imshow(
            values[:, shown].T,
            aspect="auto",
            interpolation="nearest",
            extent=(0, len(values) * unit_s, len(shown) - 0.5, -0.5),
            vmin=0,
            vmax=1,
            cmap="viridis",
        )
        panel.set_title(way, fontsize=10)
        panel.set_xlabel("time (s)")
    panels[0].set_yticks(range(len(shown)), [selection.names[k] for k in shown])
    figure.colorbar(image, ax=panels.tolist(), label="probability", pad=0.01)
    add_notes(figure, notes)
    return figure
