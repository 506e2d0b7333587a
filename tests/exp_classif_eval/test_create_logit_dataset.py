"""Class probabilities: against single files and goldens, killed and resumed, odd files, errors."""

import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch
from archive_data import save_tokens
from filled_weights import fill
from torch import nn

from exp_classif_eval import create_logit_dataset, probability_run
from exp_classif_eval.create_logit_dataset import main
from exp_classif_eval.decoding import decode
from exp_classif_eval.probabilities import Chain, Inference, load_chains
from exp_classif_eval.probability_store import read_probabilities, read_problems
from transcoder.audio import AudioError, second_weights, write_audio
from transcoder.classifiers import Classifier, new_network
from transcoder.errors import MissingFileError, UserError
from transcoder.files import PROJECT_ROOT
from transcoder.hearing import hear_recording
from transcoder.mels import LogMel
from transcoder.pinv import Pinv
from transcoder.transcode import Transcoder

DURATIONS_S = (1.0, 2.5, 4.0, 1.0, 3.2, 4.0, 2.5)
NAME = "URBAN-SOUND-8K"


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """A data set of noise bursts of several lengths, rates and numbers of channels."""
    folder = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(5)
    for i, duration_s in enumerate(DURATIONS_S):
        rate = (16_000, 44_100, 48_000)[i % 3]
        noise = np.cumsum(rng.normal(size=(round(duration_s * rate), 1 + i % 2)), axis=0)
        write_audio(folder / NAME / "audio" / f"{i}.wav", noise / np.abs(noise).max(), rate)
    return folder


@pytest.fixture(scope="module")
def yamnet_file(tmp_path_factory):
    """Weights that give different probabilities for different sounds."""
    network = new_network("YamNet")
    fill(network)
    path = tmp_path_factory.mktemp("weights") / "yamnet.pth"
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture
def weights(yamnet_file, tmp_path, monkeypatch):
    """YAMNet's weights are there, PANN's and the trained transcoders are not."""
    monkeypatch.setenv("YAMNET_WEIGHTS", str(yamnet_file))
    monkeypatch.setenv("PANN_WEIGHTS", str(tmp_path / "absent.pth"))


@pytest.fixture
def create(sounds, tmp_path, weights):
    """Run the script on the sounds (or another ``data`` folder) into ``tmp_path``."""

    def run(*options, data=sounds):
        where = ["--audio_dataset_path", data, "--output_path", tmp_path / "out"]
        how = ["--models", tmp_path, "--device", "cpu", "--workers", 2]
        return main([str(o) for o in ["--audio_dataset_name", NAME, *where, *how, *options]])

    return SimpleNamespace(run=run, path=tmp_path / "out" / f"{NAME}.h5")


def contents(path):
    """All datasets of a file."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: found.update({name: item[()]} if hasattr(item, "shape") else {})
        )
    return found


def test_whole_files_equal_the_library_one_by_one(create, sounds, capsys):
    """Batches across lengths give what `Transcoder` and `hear_recording` give alone."""
    assert create.run("--batch-size", "4") == 0
    assert "ResNet38" in capsys.readouterr().err
    chains, _ = load_chains(["YamNet"], ["self", "pinv"], models=sounds)
    transcoder, classifier = Transcoder("YamNet"), chains[0].classifier
    import soundfile

    for way, mels_of in (("self", transcoder.true_mels), ("pinv", transcoder.from_wave)):
        stored = read_probabilities(create.path, "YamNet", way)
        assert stored.names == tuple(f"{i}.wav" for i in range(len(DURATIONS_S)))
        assert stored.values.dtype == np.float32
        for name, probs in zip(stored.names, stored.values, strict=True):
            wave, rate = soundfile.read(sounds / NAME / "audio" / name, always_2d=True)
            weights = second_weights(len(wave), rate)
            mels = mels_of(wave.mean(axis=1), rate)
            alone = hear_recording(classifier, mels, weights=weights)
            np.testing.assert_allclose(probs, alone, atol=2e-5)
        assert np.ptp(stored.values, axis=0).max() > 0.01  # files differ


class TimeMaximum(nn.Module):
    """In place of ResNet38: looks at all the time at once."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 527)

    def forward(self, log_mels):
        return self.layer(log_mels.amax(dim=1) / 20).sigmoid()


@pytest.fixture
def pann():
    """A chain of true Mels to a classifier whose answer depends on all the frames."""
    classifier = Classifier("PANN", TimeMaximum(), "test")
    return Chain("self", classifier, LogMel("PANN", patch=False).float(), 32_000, {})


def test_pann_sees_the_whole_spectrogram(rng, pann):
    waves = [rng.uniform(-1, 1, n).astype(np.float32) for n in (64_000, 32_000, 86_400)]
    waves[0][32_000:] *= 0.01
    recordings = [{32_000: wave / np.abs(wave).max()} for wave in waves]
    probs, errors = Inference([pann], batch_size=4).compute(iter(recordings))
    assert errors == [None] * 3
    transcoder = Transcoder("PANN")
    for recording, found in zip(recordings, probs["PANN/self"], strict=True):
        mels = transcoder.true_mels(recording[32_000], 32_000)
        weights = second_weights(recording[32_000].size, 32_000)
        alone = hear_recording(pann.classifier, mels, weights=weights)
        np.testing.assert_allclose(found, alone, atol=1e-5)
    chunks = torch.from_numpy(recordings[0][32_000].reshape(2, -1))
    averaged = pann.classifier.probabilities(LogMel("PANN")(chunks)).mean(0)
    assert np.abs(probs["PANN/self"][0] - averaged.numpy()).max() > 1e-3


@pytest.mark.parametrize("way", ["pinv", "cnn_logits"])
def test_goldens_of_the_recordings(way, recording, yamnet_weights, published_models, monkeypatch):
    monkeypatch.setenv("YAMNET_WEIGHTS", str(yamnet_weights))
    transcoder = {"pinv": "pinv", "cnn_logits": "cnn"}[way]
    (chain,), _ = load_chains(["YamNet"], [transcoder], models=published_models)
    wave = recording["wave_32k"].ravel().astype(np.float32)
    (found,) = Inference([chain]).batch([{32_000: wave}]).values()
    expected = recording[f"yamnet_probs_from_{way}"].mean(axis=0)
    np.testing.assert_allclose(found[0], expected, atol=1e-4)


def test_published_sampling_is_an_octave_too_high(weights, tmp_path):
    """1 kHz at 16 kHz, read as 32 kHz, is 2 kHz: three third-octave bands higher."""
    wave = np.sin(2 * np.pi * 1000 * np.arange(4 * 44_100) / 44_100)
    write_audio(tmp_path / "sine.wav", wave, 44_100)
    bands, n_chunks = {}, {}
    for published in (False, True):
        options = {"published_sampling": published}
        chains, _ = load_chains(["YamNet"], ["self", "pinv"], models=tmp_path, **options)
        true_rate, rate = (chain.sample_rate for chain in chains)
        assert true_rate == 16_000
        waves = decode(tmp_path / "sine.wav", [rate], **options)
        (levels,) = Inference([], **options)._levels(torch.from_numpy(waves[rate][None]))
        bands[published] = int(levels.mean((0, 1, 2)).argmax())
        n_chunks[published] = levels.shape[1]
    assert (bands, n_chunks) == ({False: 17, True: 20}, {False: 4, True: 2})


def test_the_other_sampling_needs_another_folder(create, capsys):
    assert create.run("--transcoder", "pinv", "--published_sampling") == 0
    published = read_probabilities(create.path, "YamNet", "pinv")
    assert published.origin["sampling"] == "published"
    assert create.run() == 1
    assert "published sampling, not right: give another --output_path" in capsys.readouterr().err
    assert create.run("--transcoder", "pinv", "--overwrite", "--batch-size", 1) == 0
    right = read_probabilities(create.path, "YamNet", "pinv")
    assert np.abs(right.values - published.values).max() > 1e-3


def test_odd_files_are_listed_and_left_out(create, sounds, tmp_path, capsys):
    data = tmp_path / "data"
    shutil.copytree(sounds, data)
    audio = data / NAME / "audio"
    write_audio(audio / "short.wav", np.ones(15_999), 16_000)
    write_audio(audio / "silent.wav", np.zeros(32_000), 16_000)
    (audio / "broken.wav").write_bytes(b"RIFF....")
    (audio / "readme.txt").write_text("no sound")
    (audio / ".0.wav").write_bytes(b"being written")
    assert create.run("--transcoder", "self", data=data) == 0
    said = capsys.readouterr().out
    assert "left out: 1 too short, 1 unreadable" in said
    assert "short.wav: shorter than 1 s (0.9999 s)" in said
    problems, n_files = read_problems(create.path)
    assert list(problems) == ["broken.wav", "short.wav"] and n_files == len(DURATIONS_S) + 3
    with h5py.File(create.path) as file:
        done = dict(zip(file["files"].asstr()[:], file["done"][:], strict=True))
        assert [name for name, is_done in done.items() if not is_done] == list(problems)
        assert np.isnan(file["YamNet/self"][:]).any(axis=1).tolist() == [
            not d for d in done.values()
        ]
    assert "silent.wav" in read_probabilities(create.path, "YamNet", "self").names
    assert create.run("--strict", data=data) == 1  # nothing to compute, but still unreadable


def test_chains_are_added_and_only_changed_ones_computed_again(create, capsys, monkeypatch):
    assert create.run("--transcoder", "self") == 0
    before = contents(create.path)
    assert "computing YamNet/self on cpu" in capsys.readouterr().out
    assert create.run() == 0
    assert "computing YamNet/pinv, YamNet/texture on cpu" in capsys.readouterr().out
    after = contents(create.path)
    assert set(after) - set(before) == {"YamNet/pinv", "YamNet/texture"}
    np.testing.assert_array_equal(after["YamNet/self"], before["YamNet/self"])
    assert create.run() == 0
    assert "has all of YamNet/self, YamNet/pinv, YamNet/texture already" in capsys.readouterr().out
    network = new_network("YamNet")  # other weights
    path = create.path.with_name("other.pth")
    torch.save(network.state_dict(), path)
    monkeypatch.setenv("YAMNET_WEIGHTS", str(path))
    assert create.run("--transcoder", "self") == 0
    changed = contents(create.path)
    assert np.abs(changed["YamNet/self"] - before["YamNet/self"]).max() > 1e-3
    np.testing.assert_array_equal(changed["YamNet/pinv"], after["YamNet/pinv"])
    assert not create.path.with_name(f"{NAME}.parts").exists()


def test_other_sounds_are_not_mixed_in(create, sounds, tmp_path, capsys):
    assert create.run("--transcoder", "self") == 0
    data = tmp_path / "data"
    shutil.copytree(sounds, data)
    write_audio(data / NAME / "audio" / "new.wav", np.ones(20_000), 16_000)
    (data / NAME / "audio" / "0.wav").unlink()
    assert create.run(data=data) == 1
    assert "made of other files" in (said := capsys.readouterr().err)
    assert "1 of" in said and "and 1 are not here" in said
    assert create.run("--transcoder", "self", "--overwrite", data=data) == 0
    assert "new.wav" in read_probabilities(create.path, "YamNet", "self").names


def test_other_sounds_of_the_same_names_and_sizes_are_noticed(create, sounds, tmp_path, capsys):
    assert create.run("--transcoder", "self") == 0
    data = tmp_path / "data"
    shutil.copytree(sounds, data)
    path = data / NAME / "audio" / "3.wav"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert create.run(data=data) == 1
    assert "other sounds than those of the same names" in capsys.readouterr().err


def test_an_interrupted_run_goes_on_and_a_damaged_part_is_made_again(create, monkeypatch):
    monkeypatch.setattr(probability_run, "FILES_PER_PART", 2)
    assert create.run() == 0
    whole = contents(create.path)
    create.path.unlink()
    computed, compute = [], Inference.compute

    def fails_at_the_third(self, recordings):
        if len(computed) == 2:
            raise KeyboardInterrupt
        computed.append(1)
        return compute(self, recordings)

    monkeypatch.setattr(Inference, "compute", fails_at_the_third)
    assert create.run() == 130
    assert not create.path.exists()
    parts = create.path.with_name(f"{NAME}.parts")
    (parts / "000001.npz").write_bytes(b"PK half")
    monkeypatch.setattr(Inference, "compute", lambda s, r: computed.append(2) or compute(s, r))
    assert create.run() == 0
    assert computed == [1, 1, 2, 2, 2]  # the third and fourth part, and the damaged one
    again = contents(create.path)
    assert whole.keys() == again.keys()
    for name, values in whole.items():
        np.testing.assert_array_equal(again[name], values)


_KILLED = """
import sys
from exp_classif_eval import create_logit_dataset, probability_run
probability_run.FILES_PER_PART = 1
sys.exit(create_logit_dataset.main(sys.argv[1:]))
"""


def test_killed_at_any_moment_gives_the_same_content(weights, sounds, tmp_path):
    out = tmp_path / "killed"
    command = [sys.executable, "-c", _KILLED, "--audio_dataset_name", NAME]
    command += ["--audio_dataset_path", str(sounds)]
    command += ["--models", str(tmp_path), "--device", "cpu", "--workers", "2"]
    # by the same command: what else ran in this process may have changed its threads
    uncut = tmp_path / "uncut"
    assert subprocess.run([*command, "--output_path", str(uncut)], cwd=tmp_path).returncode == 0
    whole = contents(uncut / f"{NAME}.h5")
    command += ["--output_path", str(out)]
    parts, n_killed = out / f"{NAME}.parts", 0
    for n_parts in (1, 3, 6):
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL)  # fmt: skip
        while process.poll() is None and len(list(parts.glob("[0-9]*.npz"))) < n_parts:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        n_killed += process.wait() == -signal.SIGKILL
    assert n_killed >= 2  # the last may have been faster
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = contents(out / f"{NAME}.h5")
    assert found.keys() == whole.keys()
    for name, values in whole.items():
        np.testing.assert_array_equal(found[name], values)
    assert [path.name for path in out.iterdir()] == [f"{NAME}.h5"]


def test_verbose_prints_the_top_classes(create, capsys):
    assert create.run("--transcoder", "self", "--verbose") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "YamNet/self:" in line]
    assert len(lines) == len(DURATIONS_S)
    assert lines[0].count(",") >= 9


def test_our_ways_have_no_published_sampling(create, tmp_path, capsys):
    save_tokens(tmp_path, "direct")
    ours = ("--transcoder", "texture", "direct")
    assert create.run(*ours, "pinv", "--published_sampling") == 1
    assert "missing: texture: has no published sampling" in capsys.readouterr().err
    assert create.run(*ours, "--batch_size", "2", "--overwrite") == 0
    arrays = {chain: contents(create.path)[chain] for chain in ("YamNet/texture", "YamNet/direct")}
    assert create.run(*ours, "--batch_size", "50", "--overwrite") == 0
    for chain, values in arrays.items():
        assert np.isfinite(values).all() and values.std(axis=0).max() > 1e-3
        np.testing.assert_allclose(contents(create.path)[chain], values, atol=1e-5)


def test_what_is_missing_is_named_with_its_command(create, tmp_path, capsys, monkeypatch):
    assert create.run("--classifier", "PANN") == 1
    said = capsys.readouterr().err
    assert "nothing can be computed" in said and "--only ResNet38" in said
    assert create.run("--transcoder", "self", "cnn") == 1  # asked for, and not there
    assert "no CNN-logits transcoder for YamNet" in capsys.readouterr().err
    assert create.run(data=tmp_path / "nowhere") == 1
    assert f"download_datasets.py -l {NAME}" in capsys.readouterr().err
    assert create.run("--batch-size", "0") == 2
    with pytest.raises(SystemExit, match="2"):
        main(["--audio_dataset_name", "ESC-50"])


def test_reading_what_is_not_there(create, tmp_path):
    with pytest.raises(MissingFileError, match="make it with: python exp_classif_eval/create_logi"):
        read_probabilities(create.path, "YamNet", "self")
    assert create.run("--transcoder", "self") == 0
    with pytest.raises(MissingFileError, match="--classifier PANN --transcoder cnn"):
        read_probabilities(create.path, "PANN", "cnn")
    create.path.write_bytes(b"half a file")
    with pytest.raises(UserError, match="is damaged"):
        read_probabilities(create.path, "YamNet", "self")


def test_too_short_by_a_sample(tmp_path):
    write_audio(tmp_path / "a.wav", np.ones(44_099), 44_100)
    with pytest.raises(AudioError, match="shorter than 1 s"):
        decode(tmp_path / "a.wav", [16_000])
    write_audio(tmp_path / "b.wav", np.ones(44_100), 44_100)
    assert decode(tmp_path / "b.wav", [16_000])[16_000].shape == (16_000,)


def test_pinv_chain_is_the_libraries(weights, tmp_path):
    (chain,), missing = load_chains(["YamNet"], ["pinv"], models=tmp_path)
    assert isinstance(chain.model, Pinv) and not missing
    assert chain.origin["transcoder"] == "PINV" and len(chain.origin["teacher_weights"]) == 16
    assert create_logit_dataset.PROBABILITIES_ROOT.is_relative_to(PROJECT_ROOT)
