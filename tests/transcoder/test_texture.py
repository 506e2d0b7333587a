"""Texture: noise comes out as a recording of it would; deterministic whatever the batches."""

import numpy as np
import pytest
import torch

from transcoder.filters import from_log, to_log
from transcoder.mels import LogMel
from transcoder.settings import FRONT_ENDS, THIRD_OCTAVE
from transcoder.texture import (
    QUIETEST_DB,
    Envelope,
    Texture,
    noise_waves,
    transcode,
    white_noise_levels,
)
from transcoder.textured import Textured
from transcoder.third_octave import ThirdOctave
from transcoder.transcode import Transcoder


def _noise(n: int, tilt_db_per_octave: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Seconds of the same coloured noise at 32 and 16 kHz."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal((n, 32_000)))
    freqs_hz = np.fft.rfftfreq(32_000, 1 / 32_000)
    spectrum *= 10 ** (tilt_db_per_octave * np.log2(np.maximum(freqs_hz, 30) / 1000) / 20)
    at_32k, at_16k = np.fft.irfft(spectrum), np.fft.irfft(spectrum[:, :8001]) / 2
    return torch.from_numpy(at_32k * 0.05), torch.from_numpy(at_16k * 0.05)


def _power_db(log_mels: torch.Tensor, classifier: str) -> torch.Tensor:
    end = FRONT_ENDS[classifier]
    mels = from_log(log_mels, end)
    return 10 * torch.log10((mels if end.power == 2 else mels**2).mean(dim=(0, 1)))


def test_levels_of_white_noise_are_those_expected():
    waves = noise_waves(torch.arange(60), 32_000, seed=1, draw=0).double()
    power = (10 ** (ThirdOctave()(waves) / 10)).mean(dim=(0, 1))
    error_db = 10 * torch.log10(power) - white_noise_levels()
    assert error_db.abs().mean() < 0.15
    assert error_db[10:].abs().max() < 0.2  # the lowest bands have two bins: chance is left


# Brown noise falls by 2 dB within a band, which the levels do not tell; PANN's lowest filters are
# one bin wide, and the window lets the louder bin below leak in.
@pytest.mark.parametrize(
    ("tilt", "bound_db", "lowest_db"), [(0.0, 0.3, 0.3), (-3.0, 0.5, 1.0), (-6.0, 0.8, 2.5)]
)
@pytest.mark.parametrize("classifier", FRONT_ENDS)
def test_noise_of_any_colour_has_the_level_of_its_true_mels(classifier, tilt, bound_db, lowest_db):
    at_32k, at_16k = _noise(80, tilt)
    wave = at_32k if FRONT_ENDS[classifier].sample_rate == 32_000 else at_16k
    true = _power_db(LogMel(classifier)(wave), classifier)
    found = _power_db(Texture(classifier).double()(ThirdOctave()(at_32k)), classifier)
    error_db = found - true
    assert error_db[2:].abs().max() < bound_db
    assert error_db[:2].abs().max() < lowest_db
    assert abs(float(error_db.mean())) < 0.15


def test_an_onset_keeps_its_energy():
    """PINV's interpolation between frames loses most of a click's."""
    levels = torch.full((1, 8, 29), -60.0)
    levels[:, 3] = 0.0
    envelope = Envelope("YamNet")(levels)[0].exp().square()
    in_frame = envelope[38:50].mean(dim=0)  # Mel frames 0.375 to 0.5 s
    expected = Envelope("YamNet")(torch.zeros(1, 8, 29))[0].exp().square()[0]
    torch.testing.assert_close(in_frame, expected, rtol=1e-3, atol=0)


def test_silence_is_that_of_the_true_mels():
    silent = torch.full((1, 8, 29), THIRD_OCTAVE.silence_db)
    for classifier, end in FRONT_ENDS.items():
        wave = torch.zeros(1, end.samples_per_chunk)
        true = LogMel(classifier).float()(wave)
        torch.testing.assert_close(Texture(classifier)(silent), true, rtol=0, atol=1e-3)


@pytest.mark.parametrize("classifier", ["YamNet", "PANN"])
def test_an_onset_rises_the_same_from_every_number_for_silence(classifier):
    texture = Texture(classifier)
    levels = torch.full((3, 8, 29), -30.0)
    levels[:, :4] = torch.tensor([QUIETEST_DB, -200.0, -float("inf")]).view(-1, 1, 1)
    mels = texture(levels, torch.zeros(3, dtype=torch.long))
    assert torch.equal(mels[0], mels[1]) and torch.equal(mels[0], mels[2])
    silent = to_log(torch.zeros(1), texture.front_end)
    torch.testing.assert_close(mels[0, :30], silent.expand(30, 64), rtol=0, atol=0.02)


@pytest.mark.parametrize("classifier", FRONT_ENDS)
@pytest.mark.parametrize("make", [Texture, Textured])
def test_batches_do_not_matter(classifier, make):
    levels = torch.randn(7, 8, 29, generator=torch.Generator().manual_seed(0)) * 5 - 20
    model = make(classifier).eval()
    together = Transcoder(classifier, model).from_third_octave(levels)
    apart = Transcoder(classifier, model, batch_size=3).from_third_octave(levels)
    torch.testing.assert_close(apart, together, rtol=0, atol=1e-4)
    other = transcode(model, levels, torch.arange(7), draw=1)
    assert (other - together).std() > 0.1
    place_5 = transcode(model, levels[5:6], torch.tensor([5]))
    torch.testing.assert_close(place_5, together[5:6], rtol=0, atol=1e-4)


def test_the_seed_gives_the_noise():
    levels = torch.zeros(2, 8, 29)
    assert torch.equal(Texture("YamNet", seed=3)(levels), Texture("YamNet", seed=3)(levels))
    assert not torch.equal(Texture("YamNet", seed=3)(levels), Texture("YamNet")(levels))


@pytest.mark.parametrize("classifier", FRONT_ENDS)
def test_textured_begins_as_texture(classifier):
    levels = torch.randn(3, 8, 29, generator=torch.Generator().manual_seed(0)) * 5 - 10
    with torch.no_grad():
        learned, plain = Textured(classifier).eval()(levels), Texture(classifier)(levels)
    end = FRONT_ENDS[classifier]
    # it keeps the deepest holes of the noise shallower
    assert float((learned - plain).abs().median()) < 1e-3
    assert (
        abs(float(_power_db(learned, classifier).mean() - _power_db(plain, classifier).mean()))
        < 0.01
    )
    assert learned.shape == (3, end.frames, end.n_mels)


def test_textured_has_fresh_noise_in_training():
    model = Textured("YamNet").train()
    levels = torch.zeros(1, 8, 29)
    assert not torch.equal(model(levels), model(levels))
