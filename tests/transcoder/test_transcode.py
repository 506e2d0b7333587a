"""`Transcoder`: any length, any batch size, bounded memory."""

import numpy as np
import pytest
import torch
from mel_comparison import assert_same_mels

from transcoder.audio import AudioError
from transcoder.devices import choose_device
from transcoder.errors import UsageError
from transcoder.models import ModelSettings, build_model
from transcoder.settings import THIRD_OCTAVE, front_end
from transcoder.transcode import Transcoder, load_transcoders


@pytest.fixture
def transcoder():
    torch.manual_seed(0)
    model = build_model(ModelSettings("cnn_pinv", "PANN", 3, 2, 4, 1))
    return Transcoder("PANN", model, batch_size=4)


def test_golden_chain_from_the_recording(reference):
    from transcoder.audio import read_audio

    wave, rate = read_audio(reference / "audio" / "birds.wav")
    with np.load(reference / "birds.npz") as golden:
        pinv = Transcoder("PANN")
        np.testing.assert_allclose(
            pinv.third_octave_of(wave, rate)[:4], golden["third_octave_db"], atol=1e-3
        )
        np.testing.assert_allclose(
            pinv.from_wave(wave, rate)[:4], golden["pinv_pann_db"], atol=1e-3
        )
        for classifier, key in (("PANN", "mel_pann_db"), ("YamNet", "mel_yamnet_log")):
            true = Transcoder(classifier).true_mels(wave, rate)[:4]
            # the goldens are of single seconds, reflected at their borders
            inner = slice(2, 98)
            assert_same_mels(true[:, inner], golden[key][:, inner], front_end(classifier))
            np.testing.assert_allclose(true[0, :98], golden[key][0, :98], atol=1e-2)


@pytest.mark.parametrize("duration_s", [0.01, 1, 2.5, 9.3])
def test_any_length_by_wave_or_by_levels(rng, transcoder, duration_s):
    wave = rng.standard_normal(int(duration_s * 32_000)).astype(np.float32)
    mels = transcoder.from_wave(wave, 32_000)
    assert mels.shape == (int(np.ceil(duration_s)), 101, 64)
    levels = transcoder.third_octave_of(wave, 32_000)
    torch.testing.assert_close(transcoder.from_third_octave(levels), mels)
    torch.testing.assert_close(transcoder.from_third_octave(levels.flatten(0, 1)), mels)


def test_batch_size_does_not_matter(rng, transcoder):
    levels = rng.uniform(-40, 40, (11, 8, 29)).astype(np.float32)
    one = Transcoder("PANN", transcoder.model, batch_size=1)
    torch.testing.assert_close(
        one.from_third_octave(levels), transcoder.from_third_octave(levels), atol=1e-4, rtol=1e-5
    )


def test_partial_second_of_levels_is_completed_with_silence(rng, transcoder):
    levels = rng.uniform(-40, 40, (13, 29)).astype(np.float32)
    padded = np.full((16, 29), THIRD_OCTAVE.silence_db, dtype=np.float32)
    padded[:13] = levels
    torch.testing.assert_close(
        transcoder.from_third_octave(levels), transcoder.from_third_octave(padded)
    )


@pytest.mark.parametrize(
    "levels, message",
    [
        (np.zeros((8, 28)), r"must have shape \(time, 29\).*not \(8, 28\)"),
        (np.zeros((2, 7, 29)), r"not \(2, 7, 29\)"),
        (np.zeros((0, 29)), "not"),
        (np.full((8, 29), np.nan), "must be finite"),
    ],
)
def test_unusable_levels(transcoder, levels, message):
    with pytest.raises(UsageError, match=message):
        transcoder.from_third_octave(levels)


def test_unusable_waves(transcoder):
    with pytest.raises(AudioError, match="no samples"):
        transcoder.from_wave(np.zeros(0), 32_000)
    with pytest.raises(AudioError, match="one channel"):
        transcoder.from_wave(np.zeros((2, 10)), 32_000)


def test_memory_of_a_long_file_stays_bounded():
    """Beside the arrays that go in and come out, a 20-minute file takes little memory."""
    import subprocess
    import sys

    script = """
import resource, numpy as np, torch
from transcoder.transcode import Transcoder
torch.set_num_threads(1)
t = Transcoder("YamNet", batch_size=32)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
t.from_wave(np.ones(44_100 * 40, dtype=np.float32), 44_100)
wave = np.random.default_rng(0).random(44_100 * 1200, dtype=np.float32)
before = peak()
mels = t.from_wave(wave, 44_100)
print(peak() - before - 2 * mels.nbytes / 2**20)  # the pieces, then their concatenation
"""
    output = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert float(output) < 60, f"{output} MB beside input and output; a resampled copy takes 150"


def test_load_transcoders_names_what_is_missing(tmp_path):
    transcoders, missing = load_transcoders("PANN", models=tmp_path, judge=None)
    assert list(transcoders) == ["pinv", "texture"]
    assert len(missing) == 3
    *papers, ours = missing
    assert all("download_pretrained_models.py" in line for line in papers)
    assert "no textured CNN transcoder for PANN" in ours and "main_doce_training.py" in ours


def test_devices():
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda")
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        choose_device("gpu")
    with pytest.raises(UsageError, match="not supported"):
        choose_device("meta")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_without_a_gpu():
    with pytest.raises(UsageError, match="finds no CUDA GPU here"):
        choose_device("cuda")


def test_gpu_that_the_build_has_no_kernels_for(monkeypatch):
    from transcoder.errors import UserError

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda d: "Tesla V100")
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_90a", "compute_90"])
    for capability, runs in (((7, 0), False), ((7, 5), True), ((9, 0), True), ((10, 0), True)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda d, c=capability: c)
        if runs:
            assert choose_device("cuda").type == "cuda"
        else:
            with pytest.raises(UserError, match=r"Tesla V100 has compute capability 7\.0"):
                choose_device("cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_equals_cpu(rng, transcoder):
    levels = rng.uniform(-40, 40, (11, 8, 29)).astype(np.float32)
    on_cpu = transcoder.from_third_octave(levels)
    on_gpu = Transcoder("PANN", transcoder.model, device="cuda").from_third_octave(levels)
    torch.testing.assert_close(on_gpu, on_cpu, atol=1e-2, rtol=0)
