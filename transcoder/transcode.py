"""`Transcoder`: audio or third-octave levels of any length to the Mels that a classifier wants."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from transcoder.audio import check_waveform, chunk_batches
from transcoder.checkpoint_choice import find_checkpoint
from transcoder.checkpoints import load_checkpoint
from transcoder.classifiers import Classifier
from transcoder.errors import MissingFileError, UsageError
from transcoder.mels import LogMel, with_neighbours
from transcoder.names import METHODS, WAYS
from transcoder.pinv import Pinv
from transcoder.settings import THIRD_OCTAVE, front_end
from transcoder.sound_files import SoundFile
from transcoder.texture import Texture, transcode
from transcoder.third_octave import ThirdOctave


class Transcoder:
    """Third-octave levels to Mels, in batches of 1-s chunks on one device.

    Memory stays bounded whatever the length: beside the arrays that go in and come out, only one
    batch is held.

    Parameters
    ----------
    classifier
        "PANN" or "YamNet".
    model
        Levels ``(batch, 8, 29)`` dB to log-Mels ``(batch, frames, 64)``; PINV by default.
    source
        Where the model comes from, for reports.
    device, batch_size
        Where the batches are computed, and how many seconds each holds.
    """

    def __init__(
        self,
        classifier: str,
        model: nn.Module | None = None,
        *,
        source: str = "",
        device: str | torch.device = "cpu",
        batch_size: int = 64,
    ):
        self.front_end = front_end(classifier)
        self.source = source
        self.device = torch.device(device)
        self.batch_size = batch_size
        self.model = (model or Pinv(classifier)).to(self.device).eval()
        self.third_octave = ThirdOctave().to(self.device)
        self.log_mel = LogMel(classifier).to(self.device)

    @classmethod
    def load(
        cls,
        classifier: str,
        method: str,
        *,
        models: str | os.PathLike,
        judge: Classifier | None,
        **kwargs,
    ) -> "Transcoder":
        """The transcoder for ``method``, one of `WAYS`, from a model folder.

        One of `CLASS_METHODS` gives class probabilities ``(chunks, n_classes)`` wherever this class
        speaks of transcoded Mels.
        ``judge`` is the classifier that the Mels are for. Raises `MissingFileError` if the folder
        has none; see `find_checkpoint`.
        """
        if method == "pinv":
            return cls(classifier, source="no learning", **kwargs)
        if method == "texture":
            return cls(classifier, Texture(classifier), source="no learning", **kwargs)
        path = find_checkpoint(models, classifier=classifier, method=method, judge=judge)
        model, _ = load_checkpoint(path, classifier=classifier)
        return cls(classifier, model, source=path.name, **kwargs)

    def from_third_octave(self, levels_db: np.ndarray | Tensor, *, draw: int = 0) -> Tensor:
        """Log-Mels of sensor levels.

        Parameters
        ----------
        levels_db
            ``(chunks, 8, 29)`` or ``(time, 29)`` dB, 8 frames a second. A last partial second is
            completed with silence, as the end of a recording is.
        draw
            Of the noise that models with texture put in, from 0.

        Returns
        -------
        ``(chunks, frames, 64)`` float32 on the CPU; `transcoder.mels.join_chunks` joins the chunks
        and cuts them to the true length.

        Raises
        ------
        UsageError
            For another shape, or levels that are not finite.
        """
        levels = level_chunks(torch.as_tensor(levels_db, dtype=torch.float32))
        return torch.cat(list(self._mel_batches(levels.split(self.batch_size), draw)))

    def from_wave(self, waveform: np.ndarray, sample_rate: int, *, draw: int = 0) -> Tensor:
        """Log-Mels by way of third-octave levels: ``(samples,)`` -> ``(chunks, frames, 64)``.

        The waveform is resampled and peak-normalised first, as in training; a last partial second
        is zero-padded.
        """
        return torch.cat(list(self.batches_from_wave(waveform, sample_rate, draw=draw)))

    def batches_from_wave(
        self, recording: np.ndarray | SoundFile, sample_rate: int, *, draw: int = 0
    ) -> Iterator[Tensor]:
        """`from_wave` in pieces, of a recording that may be a file, however long."""
        chunks = self._chunks(recording, sample_rate, THIRD_OCTAVE.sample_rate)
        return self._mel_batches(
            (self.third_octave(batch.to(self.device)) for batch in chunks), draw
        )

    def third_octave_of(self, waveform: np.ndarray, sample_rate: int) -> Tensor:
        """The levels that a sensor would store: ``(samples,)`` -> ``(chunks, 8, 29)`` dB."""
        chunks = self._chunks(waveform, sample_rate, THIRD_OCTAVE.sample_rate)
        with torch.no_grad():
            return torch.cat([self.third_octave(batch.to(self.device)).cpu() for batch in chunks])

    def true_mels(self, waveform: np.ndarray, sample_rate: int) -> Tensor:
        """What the classifier sees of the audio itself: ``(samples,) -> (chunks, frames, 64)``.

        One continuous spectrogram: at the borders of the chunks nothing is reflected.
        """
        return torch.cat(list(self.true_mel_batches(waveform, sample_rate)))

    @torch.no_grad()
    def true_mel_batches(
        self, recording: np.ndarray | SoundFile, sample_rate: int
    ) -> Iterator[Tensor]:
        """`true_mels` in pieces, of a recording that may be a file."""
        chunks = self._chunks(recording, sample_rate, self.front_end.sample_rate)
        for batch in with_neighbours(chunks, self.front_end.n_fft // 2):
            yield self.log_mel.of_surrounded(batch.to(self.device)).cpu()

    def _chunks(
        self, recording: np.ndarray | SoundFile, sample_rate: int, new_rate: int
    ) -> Iterator[Tensor]:
        if not isinstance(recording, SoundFile):
            check_waveform(recording)
            recording = np.asarray(recording, dtype=np.float32)
        for batch in chunk_batches(recording, sample_rate, new_rate, self.batch_size):
            yield torch.from_numpy(batch)

    def draws(self, n: int) -> range:
        """The draws of the noise to average over, of ``n`` that are wanted."""
        return range(n if getattr(self.model, "takes_places", False) else 1)

    @torch.no_grad()
    def _mel_batches(self, batches: Iterable[Tensor], draw: int) -> Iterator[Tensor]:
        """The Mels of a recording's levels, whose seconds come one after the other."""
        first = 0
        for levels in batches:
            places = torch.arange(first, first + len(levels))
            yield transcode(self.model, levels.to(self.device), places, draw).cpu()
            first += len(levels)


def load_transcoders(
    classifier: str,
    *,
    models: str | os.PathLike,
    judge: Classifier | None,
    methods: Iterable[str] = tuple(METHODS),
    **kwargs,
) -> tuple[dict[str, Transcoder], list[str]]:
    """Those of ``methods`` that a model folder offers; ``kwargs`` are those of `Transcoder.load`.

    Returns
    -------
    transcoders : by method, in the order of ``methods``
    missing : for each method without a checkpoint, one line that names the command to get it
    """
    if not Path(models).is_dir():
        raise UsageError(f"{models}: there is no such folder of models")
    transcoders, missing = {}, []
    for method in methods:
        try:
            transcoders[method] = Transcoder.load(
                classifier, method, models=models, judge=judge, **kwargs
            )
        except MissingFileError as error:
            missing.append(str(error))
    return transcoders, missing


def models_used(transcoders: Mapping[str, Transcoder], classifier: Classifier | None) -> list[str]:
    """Lines that name the classifier's weights and each checkpoint, for figures and reports."""
    lines = [] if classifier is None else [f"classifier: {classifier.label}"]
    return lines + [f"{WAYS[method]}: {t.source}" for method, t in transcoders.items()]


def level_chunks(levels: Tensor) -> Tensor:
    """``(time, 29)`` or ``(chunks, 8, 29)`` to ``(chunks, 8, 29)``, completed with silence."""
    frames, bands = THIRD_OCTAVE.frames_per_chunk, THIRD_OCTAVE.n_bands
    if levels.ndim == 2 and levels.shape[1] == bands:
        missing = -levels.shape[0] % frames
        silence = levels.new_full((missing, bands), THIRD_OCTAVE.silence_db)
        levels = torch.cat((levels, silence)).reshape(-1, frames, bands)
    if levels.ndim != 3 or levels.shape[0] == 0 or levels.shape[1:] != (frames, bands):
        raise UsageError(
            f"third-octave levels must have shape (time, {bands}) or (chunks, {frames}, {bands}), "
            f"not {tuple(levels.shape)}"
        )
    if not levels.isfinite().all():
        raise UsageError("third-octave levels must be finite: fill or cut missing values first")
    return levels
