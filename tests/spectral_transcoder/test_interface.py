"""`import spectral_transcoder as st`: as documented, alike for arrays and tensors, and light."""

import doctest
import importlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

import spectral_transcoder as st
from transcoder.audio import read_audio
from transcoder.audioset import audioset_classes
from transcoder.classifiers import load_classifier
from transcoder.files import PROJECT_ROOT, REFERENCE_MODELS
from transcoder.transcode import Transcoder

SCENE = PROJECT_ROOT / "audio" / "street_scene.wav"


@pytest.fixture(autouse=True)
def embedded_yamnet(monkeypatch):
    from spectral_transcoder import loading

    monkeypatch.delenv("YAMNET_WEIGHTS", raising=False)
    for remembered in (loading.transcoder, loading.judge_of):
        remembered.cache_clear()


@pytest.mark.parametrize("name", ["signals", "tables"])
def test_examples_do_what_they_say(name):
    module = importlib.import_module(f"spectral_transcoder.{name}")
    with_examples = {
        test.name.split(".")[-1] for test in doctest.DocTestFinder().find(module) if test.examples
    }
    public = [n for n in st.__all__ if getattr(st, n) is vars(module).get(n)]
    assert public and with_examples == set(public)
    assert doctest.testmod(module).failed == 0


def test_the_front_door_is_light():
    code = "import sys, spectral_transcoder; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
    assert set(st.__all__) <= set(dir(st))
    with pytest.raises(AttributeError, match="no attribute 'level'"):
        st.level  # noqa: B018


def test_five_lines_are_what_the_programs_do():
    levels = st.levels(SCENE)
    mels = st.mels(levels)
    heard = st.classes_of_mels(mels)
    wave = st.sound(mels[:2], iterations=2)
    judge = load_classifier("YamNet")
    way = Transcoder.load("YamNet", "textured", models=REFERENCE_MODELS, judge=judge)
    wanted = way.from_third_octave(way.third_octave_of(*read_audio(SCENE)))
    np.testing.assert_array_equal(mels, wanted.numpy())
    np.testing.assert_array_equal(heard.to_numpy(), judge.probabilities(wanted).numpy())
    assert wave.shape == (32000,) and np.abs(wave).max() > 0.01


def test_levels_straight_to_classes():
    levels = st.levels(SCENE)
    way = Transcoder.load(
        "YamNet", "direct", models=REFERENCE_MODELS, judge=load_classifier("YamNet")
    )
    found = st.classes(levels)
    assert isinstance(found, pd.DataFrame)
    np.testing.assert_array_equal(found.to_numpy(), way.from_third_octave(levels).numpy())
    birds = [c.name for c in audioset_classes("YamNet") if c.tvb == "b"]
    np.testing.assert_array_equal(st.groups(found)["birds"], found[birds].max(axis=1))


def test_draws_of_the_noise_are_averaged():
    levels = st.levels(SCENE)[:2]
    each = [
        st.classes_of_mels(st.mels(levels, method="texture", draw=draw)).to_numpy()
        for draw in range(3)
    ]
    mean = st.classes(levels, method="texture", draws=3).to_numpy()
    np.testing.assert_allclose(mean, np.mean(each, axis=0), atol=1e-6)
    assert np.abs(each[0] - each[1]).max() > 1e-3


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor], ids=["array", "tensor"])
def test_what_comes_out_is_as_what_went_in(kind):
    samples, rate = read_audio(SCENE, duration_s=2.0)
    levels = st.levels(kind(samples), rate)
    for found in (levels, st.true_mels(kind(samples), rate), st.mels(levels), st.noise(levels)):
        assert type(found) is type(kind(samples))
    np.testing.assert_array_equal(np.asarray(levels), st.levels(samples, rate))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: st.levels("nowhere.wav"), "nowhere.wav: no such file"),
        (lambda: st.levels(np.zeros(9)), "samples take a sample rate"),
        (lambda: st.levels(np.zeros(9), 8000), "of 125 ms at least"),
        (lambda: st.levels(SCENE, 8000), "knows its sample rate"),
        (lambda: st.levels(np.full(8000, np.nan), 8000), "not finite|finite"),
        (lambda: st.mels(np.zeros((4, 28))), r"not \(4, 28\)"),
        (lambda: st.mels(np.full((8, 29), np.inf)), "must be finite"),
        (lambda: st.mels(np.zeros((8, 29)), method="direct"), "has no Mels"),
        (lambda: st.mels(np.zeros((8, 29)), method="Direct"), "give one of pinv"),
        (lambda: st.mels(np.zeros((8, 29)), classifier="VGG"), "give one of YamNet"),
        (lambda: st.classes(np.zeros((8, 29)), draws=0), "1 or more, not 0"),
        (lambda: st.classes_of_mels(np.zeros((2, 101, 64))), r"\(seconds, 96, 64\)"),
        (lambda: st.sound(np.zeros((96, 64))), r"\(seconds, 96, 64\)"),
        (lambda: st.groups(pd.DataFrame({"Vehicle": [0.5]})), "all classes"),
    ],
)
def test_what_is_wrong_is_said(call, message):
    with pytest.raises(st.UserError, match=message):
        call()
