"""The quick recipe: first filters, BatchNorm and its end, orthogonal steps, learning rates."""

import copy
import signal

import pytest
import torch
from training_data import write_features
from training_world import assert_same, stop_after_batches, weights

from exp_train_model.main_doce_training import main
from exp_train_model.training.conditioning import condition, unconditioned
from exp_train_model.training.loop import WARM_UP_STEPS, Schedule
from exp_train_model.training.muon import Muon, orthogonalised
from transcoder.checkpoint_choice import find_checkpoint
from transcoder.checkpoints import load_checkpoint, read_settings
from transcoder.models import ModelSettings, build_model

SETTINGS = ModelSettings("cnn_pinv", "YamNet", 5, 3, 16, 1)
SELECTOR = (
    "cnn/step=train+dataset=TEST+classifier=YamNet+epoch=10+learning_rate=-3"
    "+kernel_size=5+nb_layers=3+dilation=1+nb_channels=16"
)


def some_levels():
    torch.manual_seed(2)
    return 50 + 8 * torch.randn(64, 8, 29)


@pytest.fixture
def conditioned():
    torch.manual_seed(1)
    return condition(build_model(SETTINGS), some_levels())


def test_saved_model_is_the_published_network_with_the_same_output(conditioned):
    levels = some_levels()
    conditioned.train()
    for _ in range(100):
        conditioned(levels)  # running statistics
    expected = conditioned.eval()(levels)
    plain = build_model(SETTINGS)
    plain.load_state_dict(unconditioned(conditioned).state_dict())
    torch.testing.assert_close(plain(levels), expected, rtol=1e-4, atol=1e-4)


def test_first_filters_see_every_direction_of_the_patches_alike(conditioned):
    levels = some_levels()
    pad, first = conditioned.mod_conv[0], conditioned.mod_conv[1][0]
    seen = first(pad(conditioned.pinv(levels).unsqueeze(1)))
    spread = seen.transpose(0, 1).flatten(1).std(dim=1)
    torch.testing.assert_close(spread[:15], torch.ones(15), rtol=0.05, atol=0)  # 3 x 5 components
    random = build_model(SETTINGS).mod_conv[1](pad(conditioned.pinv(levels).unsqueeze(1)))
    # of random filters the level explains most, of these each its own
    assert explained_by_one(random) > 0.6 > 0.2 > explained_by_one(seen[:, :15])


def explained_by_one(channels):
    variances = torch.linalg.eigvalsh(channels.detach().transpose(0, 1).flatten(1).cov())
    return float(variances[-1] / variances.sum())


def test_one_layer_stays_as_it_is():
    model = build_model(ModelSettings("cnn_pinv", "YamNet", 5, 1, 16, 1))
    before = copy.deepcopy(model.state_dict())
    assert_same(condition(model, some_levels()).state_dict(), before)


def test_orthogonal_steps_have_like_singular_values():
    torch.manual_seed(0)
    matrix = torch.randn(16, 240) * torch.logspace(0, -2, 16)[:, None]
    values = torch.linalg.svdvals(orthogonalised(matrix))
    assert torch.linalg.svdvals(matrix).max() > 50 * torch.linalg.svdvals(matrix).min()
    assert 0.3 < values.min() < values.max() < 1.3


def test_only_inner_convolutions_step_orthogonally():
    torch.manual_seed(0)
    model = build_model(SETTINGS)
    before = copy.deepcopy(model)
    optimizer = Muon(model, 1e-3)
    model(some_levels()).pow(2).mean().backward()
    optimizer.step()
    moved = {
        name: (weight - old).detach()
        for (name, weight), old in zip(model.named_parameters(), before.parameters(), strict=True)
    }
    assert [n for n in moved if moved[n].ndim == 4] == [f"mod_conv.{i}.weight" for i in (1, 4, 7)]
    step = torch.linalg.svdvals(moved["mod_conv.4.weight"].flatten(1))
    assert step.max() < 1.3e-2  # 10 times the learning rate, in every direction
    for name in set(moved) - {"mod_conv.4.weight"}:  # Adam's first step is the learning rate
        torch.testing.assert_close(moved[name].abs().max(), torch.tensor(1e-3), rtol=1e-2, atol=0)


def test_learning_rate_rises_then_sinks_to_nothing():
    schedule = Schedule(epochs=10, batch_size=16, seed=0, anneals=True)
    factors = [schedule.rate_factor(step, n_chunks=1600) for step in range(1000)]
    assert factors[0] == pytest.approx(1 / WARM_UP_STEPS)
    assert max(factors) == factors[WARM_UP_STEPS - 1] > 0.99
    assert factors[500] == pytest.approx(0.5)
    assert 0 < factors[-1] < 1e-5
    shorter = Schedule(epochs=10, batch_size=16, seed=0, max_steps=100, anneals=True)
    assert shorter.rate_factor(99, n_chunks=1600) < 1e-3
    assert Schedule(epochs=10, batch_size=16, seed=0).rate_factor(999, n_chunks=1600) == 1


def arguments(data, folder, selector=SELECTOR):
    return ["-s", selector, "-c", "--data_path", str(data), "--experiment_path", str(folder),
            "--device", "cpu", "--recipe", "quick", "--batch_size", "16"]  # fmt: skip


def test_training_by_the_recipe_goes_on_after_a_stop(tmp_path, monkeypatch, capsys):
    data = write_features(tmp_path / "features", n_files=30)
    assert main(arguments(data, tmp_path / "whole")) == 0
    with monkeypatch.context() as patch:
        stop_after_batches(patch, 6)
        assert main(arguments(data, tmp_path / "cut")) == 128 + signal.SIGTERM
    assert main([*arguments(data, tmp_path / "cut"), "--batch_size", "8"]) == 1
    assert "batch_size 16, not batch_size 8" in capsys.readouterr().err
    assert main(arguments(data, tmp_path / "cut")) == 0
    assert_same(weights(tmp_path / "cut"), weights(tmp_path / "whole"))
    path = find_checkpoint(
        tmp_path / "cut" / "model", classifier="YamNet", method="cnn_mels", judge=None
    )
    assert load_checkpoint(path)[1] == SETTINGS
    table = read_settings(path)
    assert (table["settings"]["recipe"], table["batch_size"]) == ("quick", 16)
    assert table["settings"]["best_epoch"] > 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_training_by_the_recipe_on_cuda(tmp_path):
    data = write_features(tmp_path / "features", n_files=30)
    assert main([*arguments(data, tmp_path), "--device", "cuda"]) == 0
    path = find_checkpoint(tmp_path / "model", classifier="YamNet", method="cnn_mels", judge=None)
    how = read_settings(path)["settings"]
    assert how["device"].startswith("cuda") and how["best_epoch"] > 0


def test_other_models_and_other_beginnings_are_refused(tmp_path, capsys):
    data = write_features(tmp_path / "features")
    mlp = (
        "mlp/step=train+dataset=TEST+classifier=YamNet+transcoder=mlp+hidden1=100"
        "+hidden2=1000+learning_rate=-3+epoch=1"
    )
    given = ["--initial_model", str(tmp_path / "model")]
    for args in (arguments(data, tmp_path, mlp), [*arguments(data, tmp_path), *given]):
        assert main(args) == 1
        assert "--recipe quick is for direct, textured, and cnn_pinv" in capsys.readouterr().err


def test_draws_are_for_what_has_noise(tmp_path, capsys):
    data = write_features(tmp_path / "features")
    assert main([*arguments(data, tmp_path), "--noise_draws", "4"]) == 1
    assert "--noise_draws is for textured: cnn_pinv has no noise" in capsys.readouterr().err
