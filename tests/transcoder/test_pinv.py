"""PINV in its folded form against the published 2049-bin path."""

import numpy as np
import pytest
import torch

from transcoder.pinv import Pinv, fold, pseudo_inverse, time_interpolation, write_matrices
from transcoder.settings import THIRD_OCTAVE

SIGNALS = ("sine_1k", "sine_100", "white", "impulse", "silence", "sweep")


@pytest.mark.parametrize("classifier, key", [("PANN", "pann_db"), ("YamNet", "yamnet_log")])
@pytest.mark.parametrize("signal", SIGNALS)
def test_golden(synthetic, signal, classifier, key):
    levels = torch.from_numpy(synthetic[f"{signal}__third_octave_db"]).float()[None]
    mels = Pinv(classifier)(levels)[0]
    np.testing.assert_allclose(mels, synthetic[f"{signal}__pinv_{key}"], atol=1e-3)


def test_golden_recordings(recording):
    levels = torch.from_numpy(recording["third_octave_db"]).float()
    np.testing.assert_allclose(Pinv("PANN")(levels), recording["pinv_pann_db"], atol=1e-3)
    np.testing.assert_allclose(Pinv("YamNet")(levels), recording["pinv_yamnet_log"], atol=1e-3)


@pytest.mark.parametrize("classifier", ["PANN", "YamNet"])
def test_shipped_matrix_is_the_published_pseudo_inverse_folded(synthetic, classifier):
    published = torch.from_numpy(synthetic["relu_pinv_basis"]).double()
    shipped = Pinv(classifier).bands_to_mels.T
    folded = fold(classifier, published)
    ratio = shipped / folded
    ratio = ratio[folded > 0]
    assert ratio.numel() > 500
    # 2e-4 are .0009 dB: torchaudio computes the filters in float32, whose rounding at the foot of a
    # triangle differs between processors by up to 5e-5
    np.testing.assert_allclose(ratio, float(ratio.median()), rtol=2e-4)


def test_write_matrices(tmp_path):
    write_matrices(tmp_path / "matrices.npz")
    with np.load(tmp_path / "matrices.npz") as arrays:
        for classifier in ("PANN", "YamNet"):
            # the true entries; the tiny ones differ between linear-algebra libraries
            expected = fold(classifier, pseudo_inverse(exact=True)).numpy()
            np.testing.assert_allclose(arrays[classifier], expected, atol=1e-3 * expected.max())


def test_exact_variant_has_no_leak(recording, synthetic):
    levels = torch.from_numpy(recording["third_octave_db"]).float()
    difference = (Pinv("PANN", exact=True)(levels) - Pinv("PANN")(levels)).abs().max()
    assert difference < 0.02
    tone = torch.from_numpy(synthetic["sine_1k__third_octave_db"]).float()[None]
    assert (Pinv("PANN")(tone) - Pinv("PANN", exact=True)(tone)).max() > 10


def test_rounding_adds_only_tiny_entries(synthetic):
    published = torch.from_numpy(synthetic["relu_pinv_basis"]).double()
    exact = pseudo_inverse(exact=True)
    torch.testing.assert_close(published, exact, atol=1e-5, rtol=0)
    assert (published > 1e-5).sum() == (exact > 1e-5).sum() == 2326
    assert (published > 0).sum() > 2 * (exact > 0).sum()


def test_time_interpolation_rows_sum_to_one():
    matrix = time_interpolation(8, 101)
    assert matrix.shape == (101, 8)
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(101, dtype=torch.float64))


@pytest.mark.parametrize("classifier, frames", [("PANN", 101), ("YamNet", 96)])
@pytest.mark.parametrize("input_type", ["third_octave", "mel_time", "mel_freq"])
def test_input_types_and_gradients(rng, classifier, frames, input_type):
    shape = {"third_octave": (8, 29), "mel_time": (frames, 29), "mel_freq": (8, 64)}[input_type]
    levels = torch.from_numpy(rng.uniform(0, 20, (3, *shape))).requires_grad_()
    pinv = Pinv(classifier, input_type=input_type)
    mels = pinv(levels)
    assert mels.shape == (3, frames, 64)
    assert torch.autograd.gradcheck(pinv, levels[:1].detach().requires_grad_(), fast_mode=True)


def test_magnitude_option_is_the_square_root(recording):
    levels = torch.from_numpy(recording["third_octave_db"])
    power = Pinv("YamNet")(levels).exp() - 1e-3
    magnitude = Pinv("YamNet", magnitude=True)(levels).exp() - 1e-3
    torch.testing.assert_close(magnitude.square(), power, atol=1e-9, rtol=1e-6)


def test_autocast_leaves_pinv_exact(rng):
    levels = torch.from_numpy(rng.uniform(-20, 40, (2, 8, 29))).float()
    pinv = Pinv("PANN")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = pinv(levels)
    torch.testing.assert_close(mixed, pinv(levels), atol=0, rtol=0)


def test_silence_gives_the_floor():
    silence = torch.full((1, 8, 29), THIRD_OCTAVE.silence_db)
    assert Pinv("PANN")(silence).max() < -90
    np.testing.assert_allclose(Pinv("YamNet")(silence), np.log(1e-3), atol=1e-5)
