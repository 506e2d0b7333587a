"""Endless mixtures: the same for the same seed and number, wherever a training begins."""

import itertools
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import open_data
import pytest
import torch
from open_data import BLOCK_CHUNKS, EPOCH_BLOCKS, shrink
from training_data import write_classifier
from training_world import assert_same, stop_after_batches, weights

from exp_train_model.main_doce_training import main
from exp_train_model.training.mixture_batches import TO_CLASSES, MixtureBatches
from features.reading import Features
from open_corpus.blocks import Blocks
from open_corpus.files import OpenFiles
from open_corpus.level_effects import Drawn, LevelEffects, with_effects
from open_corpus.mixtures import Mixtures
from open_corpus.sound_bank import SoundBank
from transcoder.classifiers import load_classifier
from transcoder.errors import MissingFileError, UserError
from transcoder.files import PROJECT_ROOT

CPU = torch.device("cpu")
TOKENS = "epoch=1+token_width=96+token_layers=3"


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    shrink(monkeypatch)


@pytest.fixture(scope="module")
def yamnet(tmp_path_factory):
    return write_classifier(tmp_path_factory.mktemp("weights") / "yamnet.pth")


def mixtures(data, seed=0) -> Mixtures:
    return Mixtures(SoundBank(OpenFiles.of(data).bank, "train"), seed)


@pytest.fixture
def blocks(data, yamnet, tmp_path) -> Blocks:
    teacher = load_classifier("YamNet", yamnet)
    return Blocks(lambda: mixtures(data), "mark", teacher, "teacher", tmp_path / "blocks")


def test_a_scene_is_its_seed_and_number(data):
    first, again = mixtures(data), mixtures(data)
    forwards = [first[i] for i in range(4)]
    backwards = [again[i] for i in (3, 2, 1, 0)][::-1]
    for one, other in zip(forwards, backwards, strict=True):
        np.testing.assert_array_equal(one.at_32k, other.at_32k)
        np.testing.assert_array_equal(one.at_16k, other.at_16k)
    for one, other in itertools.combinations([*forwards, mixtures(data, seed=1)[0]], 2):
        assert np.abs(one.at_32k - other.at_32k).max() > 1e-3


def test_a_scene_is_the_same_at_both_rates(data):
    for scene in (mixtures(data)[i] for i in range(4)):
        assert scene.at_32k.shape == (4, 32_000) and scene.at_16k.shape == (4, 16_000)
        assert 0.01 < np.abs(scene.at_32k).max() <= 1.001
        full, half = (np.fft.rfft(x.ravel()) for x in (scene.at_32k, scene.at_16k))
        below_7_khz = slice(0, 28_000)
        error = np.abs(full[below_7_khz] - 2 * half[below_7_khz])
        assert np.mean(error**2) < 1e-4 * np.mean(np.abs(full[below_7_khz]) ** 2)


def test_a_bank_of_other_length_is_refused(data, tmp_path):
    bank = tmp_path / "bank"
    bank.mkdir()
    for path in OpenFiles.of(data).bank.glob("valid*"):
        (bank / path.name).write_bytes(path.read_bytes())
    with (bank / "valid.int16").open("ab") as file:
        file.write(b"\0\0")
    with pytest.raises(UserError, match="delete it and make it again"):
        SoundBank(bank, "valid")
    with pytest.raises(MissingFileError, match=r"create_open_dataset\.py"):
        SoundBank(tmp_path, "valid")


def test_blocks_are_kept_and_made_again(blocks, tmp_path):
    first = blocks.get(2)
    assert first.levels.shape == (BLOCK_CHUNKS, 8, 29) and first.mels.shape[0] == BLOCK_CHUNKS
    assert blocks.get(2, mels=False).mels is None
    paths = {path.suffix: path for path in tmp_path.rglob("block_000002*")}
    assert sorted(paths) == [".npy", ".npz"]
    for removed in ([".npy"], [".npz"], [".npy", ".npz"]):
        for suffix in removed:
            paths[suffix].unlink()
        again = blocks.get(2)
        for name in ("levels", "mels", "targets"):
            np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
    for path in paths.values():
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(UserError, match=rf"{path.name}: damaged .*delete it"):
            blocks.get(2)
        path.write_bytes(content)


def batches_of(blocks, **options) -> MixtureBatches:
    return MixtureBatches(blocks, CPU, **{"needs_mels": False, "effects": TO_CLASSES, **options})


def test_epochs_have_other_chunks_in_an_order_of_their_own(blocks):
    batches = batches_of(blocks, needs_mels=True)
    assert len(batches) == EPOCH_BLOCKS * BLOCK_CHUNKS
    first, again, second = (list(batches.epoch(epoch, 3)) for epoch in (0, 0, 1))
    assert sum(map(len, first)) == len(batches)
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.levels, other.levels) and torch.equal(one.mels, other.mels)
        assert torch.equal(one.targets, other.targets)
    seen = {tuple(row.tolist()) for batch in first for row in batch.mels[:, :4].flatten(1)}
    assert len(seen) == len(batches)
    assert not any(
        tuple(row.tolist()) in seen for batch in second for row in batch.mels[:, :4].flatten(1)
    )
    reseeded = next(batches_of(blocks, seed=1).epoch(0, 3))
    assert not torch.equal(reseeded.levels, first[0].levels)


@pytest.mark.parametrize("start", [1, 2, 3, 7])
def test_an_epoch_goes_on_where_it_was(blocks, start):
    batches = batches_of(blocks)
    whole, rest = list(batches.epoch(1, 3)), list(batches.epoch(1, 3, start=start))
    assert len(rest) == len(whole) - start
    for one, other in zip(whole[start:], rest, strict=True):
        assert torch.equal(one.levels, other.levels) and torch.equal(one.targets, other.targets)


def test_distinct_blocks_come_again(blocks, tmp_path):
    batches = batches_of(blocks, distinct_blocks=2, effects=LevelEffects())
    levels = torch.cat([batch.levels for epoch in (0, 1) for batch in batches.epoch(epoch, 4)])
    assert len(levels) == 2 * len(batches)
    assert len(torch.unique(levels.flatten(1), dim=0)) == 2 * BLOCK_CHUNKS
    assert len(list(tmp_path.rglob("block_*.npz"))) == 2


def test_effects_are_those_of_sensors():
    levels = 20 * torch.randn(4, 8, 29) - 40
    drawn = Drawn(
        offset_db=torch.tensor([0.0, 2.0, 0.0, 2.0]),
        first_band=torch.tensor([0, 0, 8, 3]),
        end_band=torch.tensor([29, 29, 28, 29]),
        window=torch.tensor([1, 1, 1, 8]),
    )
    out = with_effects(levels, drawn)
    assert torch.equal(out[0], levels[0]) and torch.equal(out[1], levels[1] + 2)
    assert torch.equal(out[2, :, 8:28], levels[2, :, 8:28])
    assert (out[2, :, :8] == -40).all() and (out[2, :, 28] == -40).all()
    assert (out[3, :, :3] == -40).all()
    mean = 10 * (10 ** (levels[3, :, 3:] / 10)).mean(dim=0).log10() + 2
    torch.testing.assert_close(out[3, :, 3:], mean.expand(8, -1), rtol=0, atol=1e-4)


def test_effects_come_as_often_as_asked():
    drawn = TO_CLASSES.draw(20_000, torch.Generator().manual_seed(0))
    lacks = (drawn.first_band > 0) | (drawn.end_band < 29)
    assert drawn.offset_db.std() == pytest.approx(3, rel=0.03)
    assert lacks.float().mean() == pytest.approx(0.15 * (1 - 1 / 66), rel=0.1)
    assert (drawn.window > 1).float().mean() == pytest.approx(0.15, rel=0.1)
    assert set(drawn.window.tolist()) == {1, 2, 4, 8} and drawn.end_band.min() == 24


def test_offsets_are_a_number_of_decibels_for_each_chunk(blocks):
    plain, moved = (
        torch.cat(
            [batch.levels for batch in batches_of(blocks, effects=LevelEffects(db)).epoch(0, 4)]
        )
        for db in (0.0, 3.0)
    )
    offset = moved - plain
    torch.testing.assert_close(offset, offset[:, :1, :1].expand_as(offset), rtol=0, atol=1e-4)
    assert 1 < float(offset[:, 0, 0].std()) < 6


@pytest.mark.parametrize("transcoder", ["direct", "textured"])
def test_a_training_on_mixtures_goes_on_and_is_scored(
    transcoder, data, yamnet, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("YAMNET_WEIGHTS", str(yamnet))
    common = ["-c", "--data_path", str(data), "--device", "cpu"]

    def run(selector, folder):
        how = ["--batch_size", "8", "--recipe", "quick", "--epochs_override", "2"]
        where = ["--experiment_path", str(tmp_path / folder)]
        return main(["-s", selector, *common, *where, *how])

    where = "dataset=OPEN+classifier=YamNet"
    assert run(f"reference_open/{where}", "whole") == 0
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "output").symlink_to(tmp_path / "whole" / "output")
    (tmp_path / "cut" / "metric").mkdir()
    model = f"{transcoder}/{where}+{TOKENS}"
    assert run(f"{model}+step=train", "whole") == 0
    with monkeypatch.context() as patch:
        stop_after_batches(patch, 4)
        assert run(f"{model}+step=train", "cut") == 128 + signal.SIGTERM
    assert run(f"{model}+step=train", "cut") == 0
    assert_same(weights(tmp_path / "cut"), weights(tmp_path / "whole"))
    assert run(f"{model}+step=evaluate", "whole") == 0
    assert run(f"{model}+step=metric", "whole") == 0
    (scores,) = (tmp_path / "whole" / "metric").glob(f"*transcoder={transcoder}*scores.csv")
    has_mels = transcoder == "textured"
    assert ("mel_mse" in scores.read_text()) == has_mels
    assert "nan" not in scores.read_text()


_KILLED = """
import signal, sys
sys.path.insert(0, sys.argv.pop(1))
import pytest, open_data, training_world
patch = pytest.MonkeyPatch()
open_data.shrink(patch)
training_world.stop_after_batches(patch, 5, signal.SIGKILL)
sys.exit(training_world.main(sys.argv[1:]))
"""


def test_a_training_on_mixtures_bears_kill_9(data, yamnet, tmp_path, monkeypatch):
    monkeypatch.setenv("YAMNET_WEIGHTS", str(yamnet))
    how = ["-c", "--data_path", str(data), "--device", "cpu", "--batch_size", "8", "--recipe",
           "quick", "--epochs_override", "3"]  # fmt: skip
    where = "dataset=OPEN+classifier=YamNet"
    model = f"direct/{where}+{TOKENS}+step=train"
    for folder in ("whole", "cut"):
        oracle = ["-s", f"reference_open/{where}+step=evaluate+transcoder=oracle"]
        assert main([*oracle, *how, "--experiment_path", str(tmp_path / folder)]) == 0
    assert main(["-s", model, *how, "--experiment_path", str(tmp_path / "whole")]) == 0
    arguments = ["-s", model, *how, "--experiment_path", str(tmp_path / "cut")]
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(Path(open_data.__file__).parent), *arguments],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not list((tmp_path / "cut" / "model").glob("*_model"))
    assert main(arguments) == 0
    assert_same(weights(tmp_path / "cut"), weights(tmp_path / "whole"))


def test_missing_features_name_the_program_that_makes_them(tmp_path):
    with pytest.raises(MissingFileError, match=r"create_open_dataset.py --output_path "):
        Features(tmp_path / "OPEN" / "OPEN_train.h5", "YamNet")
