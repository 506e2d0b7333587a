"""Sounds and pictures inside the report."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from report_artefacts import LOUD_PEAK, SAMPLE_RATE, played

from reproduction.artefacts import MAX_SOUND_DURATION_S, embed_image, embed_sound
from transcoder.audio import write_audio


@pytest.mark.parametrize(("peak", "expected_peak"), [(0.25, 0.25), (1.0, 1.0), (LOUD_PEAK, 1.0)])
def test_only_sounds_above_full_scale_are_made_quieter(tmp_path, peak, expected_peak):
    time_s = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 440 * time_s).astype(np.float32)
    write_audio(tmp_path / "tone.wav", peak * tone, SAMPLE_RATE)
    sound = embed_sound(tmp_path / "tone.wav")
    middle = played(sound.uri)[2000:12000]
    assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(expected_peak, rel=0.03)
    assert sound.attenuation_db == pytest.approx(20 * np.log10(peak / expected_peak), abs=0.01)
    assert not sound.is_cut


def test_long_sounds_are_cut(tmp_path, rng):
    noise = rng.normal(0, 0.1, round((MAX_SOUND_DURATION_S + 5) * SAMPLE_RATE))
    write_audio(tmp_path / "noise.wav", noise.astype(np.float32), SAMPLE_RATE)
    sound = embed_sound(tmp_path / "noise.wav")
    assert sound.is_cut
    assert played(sound.uri).size / SAMPLE_RATE == pytest.approx(MAX_SOUND_DURATION_S, abs=0.2)


def test_pictures_are_compressed_and_not_wider_than_a_screen(tmp_path, rng):
    values = rng.integers(0, 255, (40, 3000, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "wide.png")
    image = embed_image(tmp_path / "wide.png")
    data = base64.b64decode(image.uri.removeprefix("data:image/webp;base64,"))
    with Image.open(io.BytesIO(data)) as decoded:
        assert decoded.format == "WEBP"
        assert decoded.size == (image.width, image.height)
    assert image.width == 1400
    assert len(data) < (tmp_path / "wide.png").stat().st_size / 2
