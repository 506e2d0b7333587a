"""Waveform to the log-Mel spectrograms that the classifiers were trained on."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from transcoder.filters import energy_scale, mel_filters, to_log
from transcoder.settings import THIRD_OCTAVE, MelFrontEnd, front_end
from transcoder.third_octave import power_frames, tukey_window


class LogMel(nn.Module):
    """Waveforms to log-Mel spectrograms, batched.

    ``(batch, samples)`` at the front end's rate, full scale 1 -> ``(batch, frames, 64)``: one
    frame each 10 ms, centred, the borders reflected. A second gives 101 frames; with
    ``patch=True`` (default) YAMNet's are cut to the 96 frames that it sees.

    Parameters
    ----------
    classifier
        "PANN" (dB) or "YamNet" (natural logarithm).
    patch
        Whether to cut the frames to those of the classifier's 1-s patch.
    """

    def __init__(self, classifier: str, *, patch: bool = True):
        super().__init__()
        self.front_end = front_end(classifier)
        self.patch = patch
        filters = mel_filters(
            self.front_end, n_fft=self.front_end.n_fft, sample_rate=self.front_end.sample_rate
        )
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        reach = self.front_end.n_fft // 2
        return self.of_surrounded(nn.functional.pad(waveform, (reach, reach), mode="reflect"))

    def of_surrounded(self, waveform: Tensor) -> Tensor:
        """Of waveforms with ``n_fft // 2`` samples of what lies around at both ends."""
        # made in the input's type: float32 rounding of the window shows 80 dB below a pure tone,
        # and the published system has the float32 window's
        window = torch.hann_window(
            self.front_end.win_length, dtype=waveform.dtype, device=waveform.device
        )
        spectrum = torch.stft(
            waveform,
            n_fft=self.front_end.n_fft,
            hop_length=self.front_end.hop_length,
            win_length=self.front_end.win_length,
            window=window,
            center=False,
            return_complex=True,
        )
        if self.front_end.power == 2:
            spectrum = spectrum.real.square() + spectrum.imag.square()
        else:
            spectrum = spectrum.abs()
        mel = (self.filters.to(waveform.dtype) @ spectrum).transpose(-1, -2)
        log_mel = to_log(mel, self.front_end)
        return log_mel[..., : self.front_end.frames, :] if self.patch else log_mel


class SlowMel(nn.Module):
    """Mel bands at the rate of third-octave frames: the input of ``urban_mel_freq``.

    ``(..., samples)`` at 32 kHz -> ``(..., frames, 64)``, 8 frames a second, in the classifier's
    logarithm. The frames are the sensor's (4096 samples, Tukey window); the filters and the
    energy scale are PINV's, so that repeating frames gives a Mel spectrogram of the right level.
    """

    def __init__(self, classifier: str):
        super().__init__()
        self.front_end = front_end(classifier)
        window = torch.from_numpy(tukey_window())
        filters = mel_filters(
            self.front_end, n_fft=THIRD_OCTAVE.frame_length, sample_rate=THIRD_OCTAVE.sample_rate
        )
        self.register_buffer("window", window, persistent=False)
        filters = filters.T * energy_scale(self.front_end)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        power = power_frames(
            waveform,
            self.window.to(waveform.dtype),
            THIRD_OCTAVE.hop_length,
            centred=False,
        )
        return to_log(power @ self.filters.to(waveform.dtype), self.front_end)


def with_neighbours(batches: Iterable[Tensor], reach: int) -> Iterator[Tensor]:
    """Chunks of one recording with ``reach`` samples of the chunks before and behind them.

    Batches ``(chunks, samples)`` -> ``(chunks, reach + samples + reach)``; the recording's ends are
    reflected. `LogMel.of_surrounded` makes of them the Mels of one continuous STFT, in the memory
    that a batch takes.
    """
    batches = iter(batches)
    batch = next(batches, None)
    before = None if batch is None else batch[0, 1 : reach + 1].flip(0)
    while batch is not None:
        following = next(batches, None)
        behind = batch[-1, -reach - 1 : -1].flip(0) if following is None else following[0, :reach]
        samples = batch.shape[1]
        surrounded = torch.cat((before, batch.flatten(), behind))
        yield surrounded.unfold(0, reach + samples + reach, samples)
        before, batch = batch[-1, -reach:], following


def patches(log_mels: Tensor, front_end: MelFrontEnd, n_patches: int) -> Tensor:
    """The first patches of continuous spectrograms, one each second.

    ``(files, time, 64)`` -> ``(files, n_patches, frames, 64)``.
    """
    per_second = front_end.samples_per_chunk // front_end.hop_length
    return log_mels.unfold(1, front_end.frames, per_second)[:, :n_patches].transpose(2, 3)


def join_chunks(log_mels: Tensor, front_end: MelFrontEnd, n_samples: int | None = None) -> Tensor:
    """Join 1-s chunks to one spectrogram, one frame each 10 ms.

    ``(chunks, frames, 64)`` -> ``(100 * chunks + 1, 64)``; if ``n_samples`` is given, cut to the
    frames that cover so many samples at the front end's rate (the last chunk may be padded).
    Where chunks meet, the earlier one's last frame is dropped (PANN); the frames between YAMNet's
    patches, which it never sees, are interpolated.
    """
    per_chunk = front_end.samples_per_chunk // front_end.hop_length
    unseen = per_chunk - log_mels.shape[1]
    if unseen > 0:
        following = torch.cat((log_mels[1:, :1], log_mels[-1:, -1:]))
        share = torch.arange(1, unseen + 1).view(1, -1, 1) / (unseen + 1)
        gap = torch.lerp(log_mels[:, -1:], following, share.to(log_mels))
        log_mels = torch.cat((log_mels, gap, following), dim=1)
    joined = torch.cat((log_mels[:, :per_chunk].flatten(0, 1), log_mels[-1, per_chunk:]))
    return joined if n_samples is None else joined[: -(-n_samples // front_end.hop_length) + 1]
