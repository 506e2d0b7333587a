"""Clips that do not end with a second: what their last part counts, here and as published."""

import numpy as np
import pytest
import torch
from make_synthetic import band_basis, tukey_window
from torch import nn

from archives.networks import choose_selection
from archives.side_by_side import TRUE_MELS, UnitListener, agreement_table, classify_ways
from exp_classif_eval.decoding import decode
from exp_classif_eval.probabilities import Chain, Inference, chain_rate
from transcoder.audio import open_recording, prepare, write_audio
from transcoder.classifiers import SMALL_YAMNET, Classifier, load_classifier
from transcoder.direct import Direct
from transcoder.mels import LogMel
from transcoder.models import ModelSettings, build_model
from transcoder.pinv import Pinv
from transcoder.settings import front_end
from transcoder.texture import Texture
from transcoder.transcode import Transcoder

RATE = 44_100
DURATIONS_S = (1.0, 1.002, 1.008, 1.75, 2.03, 3.3, 12.3)


class Loudness(nn.Module):
    """In place of ResNet38: mean and maximum over time, as its last layers."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 527)

    def forward(self, log_mels):
        return self.layer((log_mels.mean(dim=1) + log_mels.amax(dim=1)) / 60).sigmoid()


@pytest.fixture(scope="module")
def classifiers():
    torch.manual_seed(0)
    yamnet = load_classifier("YamNet", SMALL_YAMNET)
    return {"YamNet": yamnet, "PANN": Classifier("PANN", Loudness(), "test")}


def clip(duration_s):
    """Noise whose colour changes, so that no two seconds sound alike."""
    rng = np.random.default_rng(3)
    noise = rng.standard_normal(round(duration_s * RATE))
    slow = np.cumsum(noise) / 50
    return (0.1 * (noise + slow * np.linspace(0, 2, noise.size))).astype(np.float32)


def hear(path, classifiers, classifier, transcoder, *, published=False):
    """Class probabilities of a file, as create_logit_dataset.py computes them."""
    torch.manual_seed(1)
    model = {
        "self": lambda: LogMel(classifier, patch=False),
        "pinv": lambda: Pinv(classifier),
        "cnn": lambda: build_model(ModelSettings("cnn_pinv", classifier, 3, 3, 4, 1)),
        "texture": lambda: Texture(classifier),
        "direct": lambda: varied_direct(classifier),
    }[transcoder]()
    rate = chain_rate(classifier, transcoder, published_sampling=published)
    chain = Chain(transcoder, classifiers[classifier], model.float().eval(), rate, {})
    waves = decode(path, [rate], published_sampling=published)
    inference = Inference([chain], published_sampling=published)
    return inference.batch([waves])[chain.name][0], model


def varied_direct(classifier):
    model = Direct(classifier, width=16, layers=1)
    nn.init.normal_(model.head.weight, std=0.1)
    return model


WAYS = [(c, t) for c in ("PANN", "YamNet") for t in ("self", "pinv", "cnn")]
OURS = [(c, t) for c in ("PANN", "YamNet") for t in ("texture", "direct")]


@pytest.mark.parametrize("classifier, transcoder", WAYS + OURS)
@pytest.mark.parametrize("duration_s", [1.008, 2.03, 12.3])
def test_a_short_remainder_changes_nothing(
    tmp_path, classifiers, classifier, transcoder, duration_s
):
    whole = int(duration_s)
    wave = clip(duration_s)
    wave[0] = 1  # the same peak in both, so the same level
    write_audio(tmp_path / "longer.wav", wave, RATE)
    write_audio(tmp_path / "whole.wav", wave[: whole * RATE], RATE)
    longer, _ = hear(tmp_path / "longer.wav", classifiers, classifier, transcoder)
    expected, _ = hear(tmp_path / "whole.wav", classifiers, classifier, transcoder)
    np.testing.assert_allclose(longer, expected, atol=2e-4)


@pytest.mark.parametrize(
    "classifier, transcoder",
    [*(way for way in WAYS if way[0] == "YamNet"), *(way for way in OURS if way[1] == "direct")],
)
def test_a_long_remainder_counts_by_its_length(tmp_path, classifiers, classifier, transcoder):
    """The mean of the seconds, the padded one with the weight of its sound."""
    wave = clip(2.75)
    padded = np.append(wave, np.zeros(RATE // 4, np.float32))
    first = wave[: 2 * RATE].copy()
    first[0] = wave[0] = padded[0] = 1
    for name, samples in {"2.75": wave, "3": padded, "2": first}.items():
        write_audio(tmp_path / f"{name}.wav", samples, RATE)
    found, three, two = (
        hear(tmp_path / f"{name}.wav", classifiers, classifier, transcoder)[0]
        for name in ("2.75", "3", "2")
    )
    last = 3 * three - 2 * two
    np.testing.assert_allclose(found, (2 * two + 0.75 * last) / 2.75, atol=1e-3)
    assert np.abs(found - three).max() > 5e-3


@pytest.mark.parametrize("transcoder", ["self", "pinv", "cnn"])
def test_pann_hears_no_padding(tmp_path, classifiers, transcoder, monkeypatch):
    seen = []
    network = classifiers["PANN"].network
    forward = type(network).forward
    monkeypatch.setattr(
        type(network), "forward", lambda self, x: seen.append(x) or forward(self, x)
    )
    write_audio(tmp_path / "a.wav", clip(1.75), RATE)
    hear(tmp_path / "a.wav", classifiers, "PANN", transcoder)
    (log_mels,) = seen
    assert log_mels.shape == (1, 176, 64)
    assert log_mels[0, -8:].mean() > -60  # sound up to the end


def published_levels(piece):
    """The published transform of a piece of any length, or None where it has no frame."""
    missing = (piece.size - 4096) % 4000
    if missing:
        piece = np.append(piece, np.zeros(4000 - missing))
    n_frames = (piece.size - 4096) // 4000 + 1
    if n_frames < 1:
        return None
    window = tukey_window()
    correction = 1 / np.sqrt(np.mean(window**2))
    frames = np.stack([piece[4000 * i :][:4096] * window for i in range(n_frames)])
    power = np.abs(np.fft.rfft(frames)) ** 2
    rms = np.sqrt(power @ band_basis().T / 2) / 2048 * correction
    rms[rms <= 0] = 1e-9
    return torch.from_numpy(20 * np.log10(rms) + 26).float()[None]


def published_mels(levels, model, classifier):
    """A piece of any number of frames, interpolated in time to a whole chunk."""
    end, pinv = front_end(classifier), model if isinstance(model, Pinv) else model.pinv
    power = 10 ** (levels / 10) @ pinv.bands_to_mels.float()
    stretched = nn.functional.interpolate(power.transpose(1, 2), size=end.frames, mode="linear")
    floor = end.log_floor
    if end.log == "db":
        mels = 10 * torch.log10(stretched.clamp(min=floor)).transpose(1, 2)
    else:
        mels = torch.log(stretched + floor).transpose(1, 2)
    return mels if model is pinv else mels - model.mod_conv(mels.unsqueeze(1)).squeeze(1)


@torch.no_grad()
def published_way(wave, classifier, transcoder, model, network):
    """Class probabilities of a prepared waveform, spelled out as the published program does it."""
    if transcoder == "self":
        mels = LogMel(classifier, patch=False)(torch.from_numpy(wave)[None])
        if classifier == "PANN":
            return network(mels)[0]
        n_patches = (mels.shape[1] - 96) // 100 + 1
        patches = torch.cat([mels[:, 100 * i : 100 * i + 96] for i in range(n_patches)])
        return network(patches).mean(dim=0)
    pieces = [wave[i : i + 32_000] for i in range(0, wave.size, 32_000)]
    levels = [x for x in map(published_levels, pieces) if x is not None]
    mels = [published_mels(x, model, classifier) for x in levels]
    if classifier == "PANN":
        return network(torch.cat([x[:, :-1] for x in mels[:-1]] + mels[-1:], dim=1))[0]
    return network(torch.cat(mels)).mean(dim=0)


@pytest.mark.parametrize("classifier, transcoder", WAYS)
@pytest.mark.parametrize("duration_s", DURATIONS_S)
def test_published_sampling_is_the_published_program(
    tmp_path, classifiers, classifier, transcoder, duration_s
):
    write_audio(tmp_path / "a.wav", clip(duration_s), RATE)
    found, model = hear(tmp_path / "a.wav", classifiers, classifier, transcoder, published=True)
    wave = prepare(clip(duration_s), RATE, front_end(classifier).sample_rate)
    network = classifiers[classifier].network
    expected = published_way(wave, classifier, transcoder, model, network)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_default_and_published_differ_on_a_partial_second(tmp_path, classifiers):
    write_audio(tmp_path / "a.wav", clip(2.3), RATE)
    for classifier, transcoder in WAYS:
        here, _ = hear(tmp_path / "a.wav", classifiers, classifier, transcoder)
        there, _ = hear(tmp_path / "a.wav", classifiers, classifier, transcoder, published=True)
        if (classifier, transcoder) == ("YamNet", "self"):
            np.testing.assert_allclose(here, there, atol=1e-5)  # both end with the last patch
        else:
            assert np.abs(here - there).max() > 1e-4


@pytest.mark.parametrize(
    "duration_s, unit_s, coverage",
    [(2.03, 1, [1, 1]), (2.75, 1, [1, 1, 0.75]), (2.75, 2, [1, 0.375])],
)
@pytest.mark.parametrize("classifier", ["PANN", "YamNet"])
def test_classes_of_audio_know_their_coverage(
    classifiers, classifier, duration_s, unit_s, coverage, tmp_path
):
    write_audio(tmp_path / "a.wav", clip(duration_s), RATE)
    selection = choose_selection(classifier, groups=None, top_k=None)
    ways = classify_ways(
        open_recording(tmp_path / "a.wav"),
        {"pinv": Transcoder(classifier)},
        UnitListener(classifiers[classifier], unit_s),
        selection,
    )
    for rows in ways.values():
        np.testing.assert_allclose(rows.coverage, coverage, atol=1e-4)
    truth = ways[TRUE_MELS]
    means = np.average(truth.values, axis=0, weights=coverage)
    best = int(means.argmax())
    table = agreement_table(ways, selection, n_shown=1)
    assert table[1].split()[len(selection.names[best].split())] == f"{means[best]:.3f}"
