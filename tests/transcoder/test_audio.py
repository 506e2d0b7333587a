"""Reading, resampling and cutting of audio."""

import numpy as np
import pytest
import soundfile

from transcoder.audio import (
    AudioError,
    chunk_batches,
    peak_normalise,
    prepare,
    read_audio,
    resample,
    second_weights,
    to_chunks,
    write_audio,
)


def test_golden_waves(reference):
    wave, rate = read_audio(reference / "audio" / "birds.wav")
    with np.load(reference / "birds.npz") as golden:
        for new_rate, key in ((32_000, "wave_32k"), (16_000, "wave_16k")):
            prepared = prepare(wave, rate, new_rate)
            np.testing.assert_allclose(prepared[: golden[key].size], golden[key], atol=1e-6)


@pytest.mark.parametrize(
    "name, options, tolerance",
    [
        ("a.wav", {"subtype": "PCM_16"}, 1e-4),
        ("a.wav", {"subtype": "PCM_24"}, 1e-6),
        ("a.wav", {"subtype": "FLOAT"}, 1e-7),
        ("a.wav", {"subtype": "PCM_24", "format": "WAVEX"}, 1e-6),
        ("a.flac", {"subtype": "PCM_16"}, 1e-4),
        ("a.ogg", {}, 0.05),
        ("a.mp3", {}, 0.05),
    ],
)
def test_formats_and_channels(tmp_path, name, options, tolerance):
    time_s = np.arange(44_100) / 44_100
    left, right = 0.5 * np.sin(2 * np.pi * 440 * time_s), 0.3 * np.sin(2 * np.pi * 440 * time_s)
    soundfile.write(tmp_path / name, np.stack((left, right), axis=1), 44_100, **options)
    wave, rate = read_audio(tmp_path / name)
    assert (rate, wave.dtype, wave.ndim) == (44_100, np.float32, 1)
    middle = slice(5_000, 40_000)  # lossy codecs blur the ends
    np.testing.assert_allclose(
        wave[middle], 0.4 * np.sin(2 * np.pi * 440 * time_s)[middle], atol=tolerance
    )


def test_offset_and_duration(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.arange(8000) / 8000, 8000, subtype="FLOAT")
    part, _ = read_audio(tmp_path / "a.wav", offset_s=0.25, duration_s=0.5)
    np.testing.assert_allclose(part, np.arange(2000, 6000) / 8000, atol=1e-6)


def broken(tmp_path, name):
    path = tmp_path / f"{name}.wav"
    if name == "text":
        path.write_text("this is no sound")
    elif name == "folder":
        path.mkdir()
    elif name == "no samples":
        soundfile.write(path, np.zeros(0), 8000)
    elif name == "not finite":
        soundfile.write(path, np.array([0, np.nan, np.inf, 0]), 8000, subtype="FLOAT")
    elif name == "zero bytes":
        path.touch()
    return path


@pytest.mark.parametrize(
    "name, message",
    [
        ("missing", "no such file"),
        ("folder", "is a folder"),
        ("text", "cannot be read as sound"),
        ("zero bytes", "cannot be read as sound"),
        ("no samples", "holds no samples"),
        ("not finite", "2 samples are NaN or infinite .the first is sample 1"),
    ],
)
def test_unusable_files(tmp_path, name, message):
    with pytest.raises(AudioError, match=f"{name}.wav.*{message}"):
        read_audio(broken(tmp_path, name))


def test_offset_behind_the_end(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.ones(8000), 8000)
    with pytest.raises(AudioError, match=r"offset 3 s lies outside the file \(1.00 s long"):
        read_audio(tmp_path / "a.wav", offset_s=3)


def test_silence_stays_silence_and_peaks_become_one(rng):
    assert not peak_normalise(np.zeros(10, dtype=np.float32)).any()
    wave = rng.standard_normal(100).astype(np.float32)
    assert np.abs(peak_normalise(wave)).max() == pytest.approx(1)


def test_last_chunk_is_zero_padded():
    chunks = to_chunks(np.ones(2500, dtype=np.float32), 1000)
    assert chunks.shape == (3, 1000)
    assert chunks[2].sum() == 500


@pytest.mark.parametrize("duration_s, rate", [(0.3, 44_100), (59.9, 8000), (130.7, 22_050)])
def test_streaming_equals_the_whole(rng, duration_s, rate):
    wave = rng.standard_normal(int(duration_s * rate)).astype(np.float32)
    whole = to_chunks(prepare(wave, rate, 16_000), 16_000)
    batches = list(chunk_batches(wave, rate, 16_000, batch_size=7))
    assert all(len(batch) == 7 for batch in batches[:-1])
    np.testing.assert_allclose(np.concatenate(batches), whole, atol=1e-7)


def test_resampling_to_the_same_rate_changes_nothing(rng):
    wave = rng.standard_normal(100)
    assert resample(wave, 16_000, 16_000) is wave


def test_written_audio_keeps_levels_above_full_scale(tmp_path):
    write_audio(tmp_path / "loud.wav", np.array([0.0, 1.7, -1.7], dtype=np.float32), 16_000)
    wave, _ = read_audio(tmp_path / "loud.wav")
    np.testing.assert_array_equal(wave, np.array([0.0, 1.7, -1.7], dtype=np.float32))
    assert [p.name for p in tmp_path.iterdir()] == ["loud.wav"]


@pytest.mark.parametrize(
    "duration_s, expected",
    [
        (0.3, [1]),
        (1, [1]),
        (1.008, [1]),
        (1.4799, [1]),
        (1.48, [1, 0.48]),
        (2.03, [1, 1]),
        (2.75, [1, 1, 0.75]),
        (12.3, [1] * 12),
    ],
)
@pytest.mark.parametrize("sample_rate", [16_000, 22_050, 44_100, 96_000])
def test_a_padded_remainder_does_not_count_as_a_second(duration_s, expected, sample_rate):
    weights = second_weights(round(duration_s * sample_rate), sample_rate)
    np.testing.assert_allclose(weights, expected, atol=1e-4)
