"""The goldens of the published system against the script that says how they came about."""

import make_synthetic
import numpy as np
import pytest
from mel_comparison import assert_same_mels

from transcoder.settings import PANN, YAMNET


@pytest.fixture(scope="module")
def made():
    return make_synthetic.make()


def test_the_script_makes_all_arrays(made, synthetic):
    assert {name: array.shape for name, array in made.items()} == {
        name: array.shape for name, array in synthetic.items()
    }


@pytest.mark.parametrize(
    "kind, tolerance",
    [("wave_32k", 1e-7), ("wave_16k", 1e-7), ("third_octave_db", 1e-6)],
)
def test_signals_and_levels(made, synthetic, kind, tolerance):
    for name in make_synthetic.signals(1000):
        key = f"{name}__{kind}"
        np.testing.assert_allclose(made[key], synthetic[key], atol=tolerance, err_msg=key)


@pytest.mark.parametrize(
    "kind, front_end",
    [
        ("mel_pann_db", PANN),
        ("pinv_pann_db", PANN),
        ("mel_yamnet_log", YAMNET),
        ("pinv_yamnet_log", YAMNET),
    ],
)
def test_mels(made, synthetic, kind, front_end):
    for name in make_synthetic.signals(1000):
        assert_same_mels(made[f"{name}__{kind}"], synthetic[f"{name}__{kind}"], front_end)


def test_window_and_bands(made, synthetic):
    for key in ("third_octave_basis", "tukey_window", "energy_correction"):
        np.testing.assert_allclose(made[key], synthetic[key], rtol=1e-14, err_msg=key)
