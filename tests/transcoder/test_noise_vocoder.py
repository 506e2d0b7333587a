"""Levels to shaped noise: the levels come back, cuts do not show, onsets stay where they are."""

import numpy as np
import pytest
import torch

from benchmarks.sound_measures import carrier_power
from transcoder.audio import prepare, read_audio, to_chunks
from transcoder.errors import UsageError
from transcoder.noise_vocoder import band_edges, noise_vocoder, noise_vocoder_seconds
from transcoder.settings import THIRD_OCTAVE
from transcoder.third_octave import ThirdOctave

RATE = THIRD_OCTAVE.sample_rate


def levels_of(wave) -> torch.Tensor:
    """``(samples,)`` -> ``(seconds, 8, 29)`` dB."""
    return ThirdOctave()(torch.from_numpy(to_chunks(np.asarray(wave, np.float32), RATE)))


def error_db(levels: torch.Tensor, again: torch.Tensor) -> float:
    """RMS over what lies within 60 dB of the loudest band and frame."""
    heard = levels > levels.max() - 60
    return float((again - levels)[heard].square().mean().sqrt())


def scene(rng, seconds: int = 3) -> np.ndarray:
    """Reddish noise, a soft half second, and bursts that start at no frame's border."""
    noise = np.cumsum(rng.standard_normal(seconds * RATE))
    wave = 0.05 * (noise - np.convolve(noise, np.ones(801) / 801, "same"))
    wave[RATE // 2 : RATE] *= 0.05
    for start in (0.8, 1.37, 2.61):
        burst = rng.standard_normal(RATE // 10) * np.exp(-np.arange(RATE // 10) / 600)
        wave[round(start * RATE) :][: burst.size] += burst
    return prepare(wave, RATE, RATE)


def test_the_levels_come_back(rng):
    levels = levels_of(scene(rng))
    assert error_db(levels, levels_of(noise_vocoder(levels))) < 0.3


@pytest.mark.parametrize("name", ["birds.wav", "street_traffic-barcelona-162-4949-a.wav"])
def test_the_levels_of_recordings_come_back(reference, name):
    levels = levels_of(prepare(*read_audio(reference / "audio" / name), RATE))
    assert error_db(levels, levels_of(noise_vocoder(levels))) < 0.3


@pytest.mark.parametrize("hz", [100, 1000, 8000])
def test_a_tone_is_noise_in_its_band(hz):
    levels = levels_of(np.sin(2 * np.pi * hz * np.arange(RATE) / RATE))
    again = levels_of(noise_vocoder(levels))
    loudest = levels.amax(dim=-1, keepdim=True)
    assert (again - levels)[levels == loudest].abs().max() < 0.2
    assert (again < loudest - 20)[levels < loudest - 40].all()  # and little around it


def test_wherever_a_recording_is_cut_its_pieces_are_the_same(rng):
    levels = levels_of(scene(rng, 4))
    whole = noise_vocoder(levels, seed=3)
    for cut in (1, 3):
        pieces = [*noise_vocoder_seconds(levels, seed=3, stop=cut)]
        pieces += noise_vocoder_seconds(levels.numpy(), seed=3, start=cut)
        assert torch.equal(torch.cat(pieces), whole)


def test_the_seed_and_the_place_decide_the_noise():
    steady = torch.full((4, 8, 29), 60.0)
    first = noise_vocoder(steady, seed=1)
    assert torch.equal(first, noise_vocoder(steady, seed=1))
    assert abs(np.corrcoef(first, noise_vocoder(steady, seed=-1))[0, 1]) < 0.05
    assert abs(np.corrcoef(first[RATE : 2 * RATE], first[2 * RATE : 3 * RATE])[0, 1]) < 0.05


def test_levels_that_stay_give_a_sound_that_stays():
    """Neither frames nor seconds show: the power around their borders is that between them."""
    sound = noise_vocoder(torch.full((20, 8, 29), 60.0))[RATE // 2 : -RATE // 2]
    milliseconds = sound.view(-1, 32).square().mean(dim=1)
    in_frame = milliseconds.view(-1, 125).mean(dim=0)  # half a second: whole frames
    in_second = milliseconds.view(-1, 1000).mean(dim=0)  # borders in the middle
    assert in_frame.std() / in_frame.mean() < 0.15
    border = in_second[495:505].mean() / in_second.mean()
    assert 0.8 < border < 1.25


def test_an_onset_is_not_heard_ahead_of_its_frame():
    levels = torch.full((2, 8, 29), 0.0)
    levels[1, 2:4] = 80.0  # for two frames, from 1.25 s on
    sound = noise_vocoder(levels).view(-1, 160)  # 5 ms
    level = 10 * torch.log10(sound.square().mean(dim=1))
    onset, end = 250, 300
    loud = level[onset + 3 : end - 3]
    assert loud.max() - loud.min() < 9
    assert level[onset - 12 : onset - 1].max() < loud.mean() - 50
    assert level[end + 1 : end + 12].max() < loud.mean() - 50


def test_what_happens_within_a_frame_does_not_come_through(rng):
    """The syllables' rhythm does, phonemes do not."""
    n = 4 * RATE
    slow, fast = (
        np.interp(np.arange(n), np.linspace(0, n, 4 * hz), rng.standard_normal(4 * hz))
        for hz in (3, 40)
    )
    source = torch.from_numpy(rng.standard_normal(n) * np.exp(slow + fast)).float()
    sound = noise_vocoder(levels_of(source))
    for low, high, least, most in ((0.5, 2, 0.9, 1), (12, 30, -0.25, 0.25)):
        hz = torch.fft.rfftfreq(carrier_power(source, RATE).shape[1], 0.004)
        kept = (hz >= low) & (hz < high)
        a, b = (torch.fft.rfft(carrier_power(x, RATE).sqrt())[:, kept] for x in (source, sound))
        alike = (a * b.conj()).real.sum() / (a.norm() * b.norm())
        assert least < alike <= most


def test_nothing_clicks(rng):
    """White noise's second difference seldom exceeds 4.5 times its RMS; a click does at once."""
    levels = torch.from_numpy(60 + 5 * rng.standard_normal((5, 8, 29))).float()
    jerk = noise_vocoder(levels).diff(n=2)
    around = torch.nn.functional.avg_pool1d(jerk.square().view(1, -1), 1601, 1, 800)[0].sqrt()
    assert (jerk / around).abs().max() < 7


def test_no_level_is_silence():
    levels = torch.full((3, 8, 29), THIRD_OCTAVE.silence_db)
    assert not noise_vocoder(levels).any()
    levels[1] = 60.0
    sound = noise_vocoder(levels).view(3, -1)
    assert sound[[0, 2]].abs().max() < 1e-3 * sound[1].abs().max()


def test_frames_of_an_unfinished_second(rng):
    levels = levels_of(scene(rng))[:2].flatten(0, 1)[:11]
    sound = noise_vocoder(levels)
    assert sound.shape == (11 * THIRD_OCTAVE.hop_length,)
    assert noise_vocoder(levels.double().numpy()).dtype == torch.float32


def test_bands_meet_where_their_bins_do():
    edges = band_edges()
    assert edges.shape == (30,)
    assert (np.diff(edges) > 0).all()
    centres = np.array(THIRD_OCTAVE.centres_hz)
    assert ((edges[1:] > centres) & (edges[1:] < 1.3 * centres)).all()


@pytest.mark.parametrize("levels", [torch.zeros(3, 8, 28), torch.full((8, 29), torch.nan)])
def test_unusable_levels(levels):
    with pytest.raises(UsageError, match="third-octave levels must"):
        noise_vocoder(levels)
