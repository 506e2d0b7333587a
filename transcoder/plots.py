"""Spectrogram figures that several scripts draw."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from transcoder.filters import mel_filters
from transcoder.settings import MelFrontEnd

_DYNAMIC_RANGE_DB = 80
_NOTE_SIZE = 6
_NOTE_LETTER_IN = 0.05  # mean width of a letter of that size
_TICKS_HZ = (250, 500, 1000, 2000, 4000, 8000)


def mel_to_db(log_mel: Tensor, front_end: MelFrontEnd) -> np.ndarray:
    """Log-Mels on a decibel scale: PANN's as they are, YAMNet's log magnitudes converted."""
    values = np.asarray(log_mel)
    return values if front_end.log == "db" else values * (20 / np.log(10))


def mel_centres_hz(front_end: MelFrontEnd) -> np.ndarray:
    """Centre frequencies of the 64 Mel bands in Hz: where the filters peak, to half a hertz."""
    n_fft = 2 * front_end.sample_rate
    filters = mel_filters(front_end, n_fft=n_fft, sample_rate=front_end.sample_rate)
    return filters.argmax(dim=1).numpy() * front_end.sample_rate / n_fft


def _range_db(levels_db: np.ndarray) -> tuple[float, float]:
    top_db = float(np.ceil(levels_db.max() / 5) * 5)
    # YAMNet's floor of 0.001 leaves less range than PANN's 1e-10
    return max(top_db - _DYNAMIC_RANGE_DB, float(np.floor(levels_db.min() / 5) * 5)), top_db


def _name_bands(axis, front_end: MelFrontEnd) -> None:
    centres = mel_centres_hz(front_end)
    ticks = [hz for hz in _TICKS_HZ if centres[0] <= hz <= centres[-1]]
    positions = np.interp(ticks, centres, np.arange(len(centres)) + 0.5)
    axis.set_yticks(positions, [f"{hz:g}" for hz in ticks])
    axis.set_ylabel("Mel band centre (Hz)")


def mel_figure(
    spectrograms: Mapping[str, Tensor],
    front_end: MelFrontEnd,
    *,
    scale: str,
    title: str = "",
    notes: Sequence[str] = (),
):
    """Mel spectrograms side by side on one colour scale.

    Parameters
    ----------
    spectrograms
        Name of each panel -> log-Mels ``(time, 64)``, one frame each 10 ms.
    front_end
        Of the Mels.
    scale
        The panel whose levels set the colour scale.
    notes
        Lines in small letters below the panels: what the figure was made with.

    Returns
    -------
    matplotlib.figure.Figure, that no window shows.
    """
    from matplotlib.figure import Figure

    panels = {name: mel_to_db(mels, front_end) for name, mels in spectrograms.items()}
    bottom_db, top_db = _range_db(panels[scale])
    figure = Figure(figsize=(2.7 * len(panels) + 1.2, 3.6), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, (name, values) in zip(axes, panels.items(), strict=True):
        image = axis.imshow(
            values.T,
            origin="lower",
            aspect="auto",
            interpolation="nearest",
            extent=(0, len(values) * front_end.hop_length / front_end.sample_rate, 0, 64),
            vmin=bottom_db,
            vmax=top_db,
            cmap="magma",
        )
        axis.set_title(name, fontsize=10)
        axis.set_xlabel("time (s)")
    _name_bands(axes[0], front_end)
    figure.colorbar(image, ax=axes, label="level (dB)", pad=0.01)
    if title:
        figure.suptitle(title, fontsize=11)
    add_notes(figure, notes)
    return figure


def add_notes(figure, notes: Sequence[str]) -> None:
    """Put lines in small letters below the panels of a figure with a constrained layout."""
    if notes:
        # identifiers have no blanks: they are cut where a line is full
        lines = [
            textwrap.fill(note, int(figure.get_figwidth() / _NOTE_LETTER_IN)) for note in notes
        ]
        figure.supxlabel("\n".join(lines), fontsize=_NOTE_SIZE, x=0.01, ha="left")


def save_figure(figure, path) -> None:
    """Write a figure atomically; the suffix of ``path`` gives the format."""
    from transcoder.files import atomic_path

    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150)
