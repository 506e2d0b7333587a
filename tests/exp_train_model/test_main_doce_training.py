"""The training experiment from its command line: every kind of model, tables, figures, errors."""

import h5py
import numpy as np
import pytest
import torch
from training_data import CHUNKS_PER_FILE, write_features
from training_world import MODELS, N_FILES, PAPER_CNN, World, use

from exp_train_model import export_experiment_results, plot_training_curve
from exp_train_model.experiment import (
    loss_file,
    model_file,
    output_file,
    scores_file,
    training_experiment,
)
from exp_train_model.experiment_sizes import CNN_LOGITS
from exp_train_model.jobs import train_config
from exp_train_model.main_doce_training import main
from exp_train_model.published_table import published_results
from features.files import SPLITS, split_path
from features.reading import Features
from transcoder.audioset import class_names, tvb_indices
from transcoder.checkpoint_choice import find_checkpoint
from transcoder.checkpoints import load_checkpoint, read_settings
from transcoder.pinv import Pinv

CNN = "learning_rate=-3+kernel_size=3+nb_layers=3+dilation=2+nb_channels=16"


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """A world in which the reference plan and all kinds of models have been run."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = use(monkeypatch, World(tmp_path_factory.mktemp("training")))
        assert world.run("reference/ts=0") == 0
        for selector in MODELS.values():
            assert world.run(f"{selector}+epoch=200") == 0
        yield world


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    return use(monkeypatch, World(tmp_path))


def test_every_model_leaves_what_its_steps_promise(computed):
    for selector in ["reference/transcoder=oracle", "reference/transcoder=pinv"]:
        for step in ("evaluate", "metric"):
            assert_complete(computed, f"{selector}+step={step}")
    for selector in MODELS.values():
        for step in ("train", "evaluate", "metric"):
            assert_complete(computed, f"{selector}+epoch=200+step={step}")


def assert_complete(world, selector):
    setting = world.setting(selector)
    outputs = world.experiment.outputs_of(setting)
    assert outputs and all(path.is_file() for path in outputs)
    if setting["step"] == "metric":
        assert all(np.load(path).shape == (N_FILES,) for path in outputs)
        names = scores_file(setting, world.experiment).read_text().splitlines()
        assert names[0].startswith("name,published_name") and len(names) == 1 + len(outputs)


def test_files_that_the_published_programs_leave(computed):
    """Names of top classes, durations, and a hybrid training's losses apart."""
    experiment = computed.experiment
    metric = computed.setting(f"{MODELS['CNN-hybrid']}+epoch=200+step=metric")
    labels, labels_tvb = (
        np.load(experiment.file("metric", metric, name)) for name in ("labels", "labels_tvb")
    )
    assert labels.shape == labels_tvb.shape == (N_FILES,)
    outputs = output_file(metric, experiment)
    with h5py.File(outputs) as file:
        means = file["probabilities"][:].reshape(N_FILES, CHUNKS_PER_FILE, -1).mean(axis=1)
    names = class_names("YamNet")
    assert labels.tolist() == [names[i] for i in means.argmax(axis=1)]
    tvb = list(tvb_indices("YamNet"))
    assert labels_tvb.tolist() == [names[tvb[i]] for i in means[:, tvb].argmax(axis=1)]
    train = metric.replace("step", "train")
    for split in SPLITS:
        total, mel, logit = (
            np.load(loss_file(train, experiment, f"{part}{split}"))
            for part in ("", "mel_", "logit_")
        )
        assert mel.min() > 0 and logit.min() > 0 and len(total) == len(mel)
        np.testing.assert_allclose(mel + logit, total, rtol=1e-6)
    for setting in (metric, train, metric.replace("step", "evaluate")):
        assert np.load(experiment.file("duration", setting, "duration")) > 0
    whole = np.load(experiment.file("duration", train, "duration"))
    assert 0 < np.load(experiment.file("duration", train, "train_duration")) < whole


def test_published_evaluation_is_in_training_mode(computed, tmp_path):
    """Batch statistics and dropout on; tables say which of the two they show."""
    selector = f"{MODELS['effnet_b0']}+epoch=200"
    outputs = output_file(computed.setting(f"{selector}+step=evaluate"), computed.experiment)
    found, modes, tables = [], [], []
    export = ["--dataset", "TEST", "--classifier", "YamNet", "--ext", "md", "--output",
              str(tmp_path), "--experiment_path", str(computed.experiment.folder)]  # fmt: skip
    for more in ((), ("--published_evaluation",), ("--published_evaluation",), ()):
        assert computed.run(f"{selector}+step=evaluate", "-c", *more) == 0
        assert computed.run(f"{selector}+step=metric", "-c", *more) == 0
        with h5py.File(outputs) as file:
            found.append(file["probabilities"][:])
            modes.append(file.attrs.get("mode"))
        assert export_experiment_results.main(export) == 0
        tables.append((tmp_path / "results_training_YamNet.md").read_text())
    assert modes == [None, *["training mode, as published"] * 2, None]
    assert np.array_equal(found[0], found[3]) and np.array_equal(found[1], found[2])
    assert np.abs(found[0] - found[1]).max() > 1e-3
    assert "effnet_b0: published was scored in training mode" in tables[0]
    assert "ours: evaluation mode" in tables[0] and "ours: training mode" in tables[1]


def test_training_starts_from_a_given_model(computed, capsys):
    first = model_file(computed.setting(f"cnn/{PAPER_CNN}+epoch=200+step=train"),
                       computed.experiment)  # fmt: skip
    selector = "hybridts/prop_logit=100+dilation=1+learning_rate=-4+epoch=200+step=train"
    given = ("-c", "--max_steps", "0", "--initial_model", str(first))
    assert computed.run(selector, *given) == 0
    setting = computed.setting(selector)
    trained = model_file(setting, computed.experiment)
    settings, state = read_settings(trained), torch.load(trained, weights_only=True)
    for path in computed.experiment.outputs_of(setting):
        path.unlink()  # the other tests count what there is
    for name, value in torch.load(first, weights_only=True).items():
        assert torch.equal(state[name], value)
    assert settings["settings"]["initial_model"] == first.name
    assert computed.run(f"cnn/{CNN}+epoch=200+step=train", *given) == 1
    assert "is a ModelSettings" in capsys.readouterr().err


def test_scores_of_pinv_are_those_of_its_mels(computed):
    features = Features(split_path(computed.features, "TEST", "eval"), "YamNet").hold()
    error = (Pinv("YamNet")(features.levels) - features.mels).pow(2).mean(dim=(1, 2))
    expected = error.reshape(N_FILES, CHUNKS_PER_FILE).mean(dim=1).numpy()
    pinv = computed.setting("reference/transcoder=pinv+step=metric")
    found = np.load(computed.experiment.file("metric", pinv, "mel_mse"))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_checkpoints_are_found_and_tell_their_pedigree(computed):
    folder = computed.experiment.path("model")
    path = find_checkpoint(folder, classifier="YamNet", method="cnn_logits", judge=None)
    assert path == model_file(computed.setting(f"{MODELS['CNN-logits']}+epoch=200+step=train"),
                              computed.experiment)  # fmt: skip
    model, settings = load_checkpoint(path, classifier="YamNet")
    assert settings.cnn_nb_channels == 64 and not model.training
    table = read_settings(path)
    how = table["settings"]
    assert (table["epochs"], how["epochs_override"], how["epochs_done"]) == (200, 1, 1)
    assert how["loss"] == "logits" and how["teacher"] and how["device"] == "cpu"


def test_published_name_of_a_model():
    experiment = training_experiment()
    selector = f"cnn/step=train+dataset=full+classifier=PANN+epoch=200+{PAPER_CNN}"
    (setting,) = experiment.select(selector)
    assert model_file(setting, experiment).name == (
        "classifier=PANN+dataset=full+dilation=1+epoch=200+kernel_size=5+learning_rate=-3"
        "+nb_channels=64+nb_layers=5+step=train+transcoder=cnn_pinv+ts=0_model"
    )


@pytest.mark.parametrize(
    ("selector", "loss", "weights"),
    [
        (f"cnn/epoch=1+{CNN}", "mels", (1, 0)),
        ("hybridts/epoch=1+prop_logit=100+dilation=1+learning_rate=-3", "logits", (0, 1)),
        ("hybridts/epoch=1+prop_logit=50+dilation=1+learning_rate=-3", "hybrid", (0.5, 750)),
        ("ts/epoch=1+transcoder=self+learning_rate=-3", "classes", (0, 1)),
    ],
)
def test_configuration_of_a_setting(selector, loss, weights):
    experiment = training_experiment()
    (setting,) = experiment.select(f"{selector}+dataset=full+classifier=PANN+step=train")
    config = train_config(setting)
    assert (config.loss_name, config.learning_rate) == (loss, 1e-3)
    assert (config.mel_weight, config.class_weight) == weights


def test_finished_settings_are_skipped(computed, caplog):
    path = model_file(computed.setting(f"{MODELS['mlp']}+epoch=200+step=train"),
                      computed.experiment)  # fmt: skip
    before = path.stat().st_mtime_ns
    caplog.set_level("INFO")
    assert computed.run(f"{MODELS['mlp']}+epoch=200", "-c", "-S") == 0
    assert "3 of 3 settings were skipped" in caplog.text
    assert path.stat().st_mtime_ns == before


def test_the_same_seed_gives_the_same_weights(computed, fresh):
    assert fresh.run(f"{MODELS['CNN-mels']}+epoch=200+step=train") == 0
    first, second = (
        torch.load(model_file(w.setting(f"{MODELS['CNN-mels']}+epoch=200+step=train"),
                              w.experiment))
        for w in (computed, fresh)
    )  # fmt: skip
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_display(computed, capsys):
    assert computed.run("step=metric", "-d") == 0
    shown = capsys.readouterr().out
    assert "avg_mels_mse -" in shown and "ptopafc % +" in shown and "effnet_b0" in shown


# ---- tables and figures


def test_export_puts_published_numbers_beside_ours(computed, tmp_path, capsys):
    extensions = ["png", "html", "tex", "csv", "md", "pdf"]
    status = export_experiment_results.main(
        ["--dataset", "TEST", "--classifier", "YamNet", "--ext", *extensions, "--output",
         str(tmp_path), "--experiment_path", str(computed.experiment.folder)]
    )  # fmt: skip
    assert status == 0
    for extension in extensions:
        assert (tmp_path / f"results_training_YamNet.{extension}").stat().st_size > 300
    rows = (tmp_path / "results_training_YamNet.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == [
        "PINV", "CNN-mels", "CNN-logits", "self", "effnet_b0"
    ]  # fmt: skip
    pinv = computed.setting("reference/transcoder=pinv+step=metric")
    ours = np.load(computed.experiment.file("metric", pinv, "mel_mse")).mean()
    assert rows[1].split(",")[1:3] == [f"{ours:.2f}", "3.23"]
    assert rows[0].split(",")[2] == "published on TAU full"
    assert rows[3].split(",")[-2:] == ["85.1", "1 epochs in place of 200"]
    text = (tmp_path / "results_training_YamNet.md").read_text()
    assert "torch" in text and "data set TEST" in text and "trained on cpu" in text
    assert "| 1 epochs in place of 200; from random weights |" in text
    assert "**" in text and "-99999" not in text


def test_export_in_detail_keeps_factors(computed, tmp_path, capsys):
    args = ["--dataset", "TEST", "--classifier", "YamNet", "--ext", "csv", "--output",
            str(tmp_path), "--experiment_path", str(computed.experiment.folder),
            "--experiment_size", "detailed"]  # fmt: skip
    assert export_experiment_results.main(args) == 0
    rows = (tmp_path / "results_training_YamNet.csv").read_text().splitlines()
    assert "hidden1" in rows[0] and "CNN-hybrid" in "".join(rows) and "MLP-PINV" in "".join(rows)


def test_export_of_one_classifiers_results_is_no_failure(computed, tmp_path, capsys):
    args = ["--dataset", "TEST", "--output", str(tmp_path), "--experiment_path",
            str(computed.experiment.folder)]  # fmt: skip
    assert export_experiment_results.main(args) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["results_training_YamNet.png"]
    assert capsys.readouterr().err.startswith("no table: PANN: ")
    assert export_experiment_results.main([*args, "--classifier", "YamNet", "pann"]) == 1
    assert capsys.readouterr().err.startswith("error: PANN: ")


def test_export_without_results_says_so(tmp_path, capsys):
    args = ["--experiment_path", str(tmp_path), "--output", str(tmp_path)]
    assert export_experiment_results.main(args) == 1
    assert "run their metric step first" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.png"))


def test_published_results():
    assert published_results("PANN")["CNN-logits"] == {
        "mel_mse": 18.56, "logit_bce": 0.017192, "logit_kl": 0.000734, "ptopafc": 0.893
    }  # fmt: skip
    assert "mel_mse" not in published_results("YamNet")["self"]


def test_training_curves(computed, tmp_path, capsys):
    args = ["--experiment_path", str(computed.experiment.folder), "--output", str(tmp_path)]
    assert plot_training_curve.main(["-s", "hybridts/dataset=TEST", *args]) == 0
    assert len(list(tmp_path.glob("*_curve.png"))) == 2
    assert plot_training_curve.main(["-s", "hybridts/dataset=full", *args]) == 1
    assert "has left curves" in capsys.readouterr().err
    assert plot_training_curve.main(["-s", "hybridts/step=compute", *args]) == 2


def test_without_a_selector_the_curves_are_those_of_the_papers_cnn_logits(tmp_path, capsys):
    experiment = training_experiment(tmp_path)
    yamnet, pann = experiment.select(f"hybridts/step=train+{CNN_LOGITS.split('/')[1]}")
    arguments = ["--experiment_path", str(tmp_path), "--output", str(tmp_path)]
    assert plot_training_curve.main(arguments) == 1
    assert capsys.readouterr().err.startswith("error: none of the 2 trainings selected")
    experiment.path("loss").mkdir()
    for split in SPLITS:
        np.save(loss_file(yamnet, experiment, split), np.ones(201))
    assert plot_training_curve.main(arguments) == 0
    name = f"{yamnet.identifier()}_curve.png"
    assert "classifier=YamNet+dataset=full+dilation=1+epoch=200" in name and "logit=100" in name
    assert [path.name for path in tmp_path.glob("*.png")] == [name]
    assert capsys.readouterr().err.startswith(f"missing: {pann.identifier()}; run: python ")


def test_curve_marks_the_best_epoch():
    losses = {"train": np.ones(6), "valid": np.array([3.0, 1, 2]), "eval": np.array([3.0, 2, 2])}
    (axes,) = plot_training_curve.draw_curves(losses, "a=1+b=2").axes
    labels = [line.get_label() for line in axes.lines]
    assert "best: 1 after epoch 1" in labels
    assert {"train", "valid", "eval"} <= set(labels)


# ---- errors


def test_missing_features_name_the_command(fresh, capsys):
    split_path(fresh.features, "TEST", "valid").unlink()
    assert fresh.run(f"{MODELS['CNN-mels']}+epoch=200+step=train") == 1
    assert "create_mel_tho_dataset.py --dataset_type test" in capsys.readouterr().err
    assert not list(fresh.experiment.path("model").iterdir())


def test_missing_targets_name_the_command(fresh, capsys):
    assert fresh.run(f"{MODELS['CNN-logits']}+epoch=200+step=train") == 1
    message = capsys.readouterr().err
    assert (
        "main_doce_training.py -s reference/step=evaluate+transcoder=oracle+dataset=TEST"
        "+classifier=YamNet -c" in message
    )


def test_targets_of_another_teacher_or_data_set_are_refused(fresh, monkeypatch, capsys):
    assert fresh.run("reference/transcoder=oracle+step=evaluate") == 0
    other = torch.load(fresh.weights)
    other["classifier.bias"][0] += 1
    torch.save(other, fresh.folder / "other.pth")
    monkeypatch.setenv("YAMNET_WEIGHTS", str(fresh.folder / "other.pth"))
    assert fresh.run(f"{MODELS['self']}+epoch=200+step=train") == 1
    assert "other teacher weights; make it again with" in capsys.readouterr().err
    monkeypatch.setenv("YAMNET_WEIGHTS", str(fresh.weights))
    write_features(fresh.features, n_files=N_FILES, seed=1)
    assert fresh.run(f"{MODELS['self']}+epoch=200+step=train") == 1
    assert "another state of the data set; make it again with" in capsys.readouterr().err
    assert fresh.run("reference/transcoder=pinv+step=evaluate") == 0
    assert fresh.run("reference/transcoder=pinv+step=metric") == 1
    assert "oracle+ts=0: was made from data_eval" in capsys.readouterr().err


def test_untrained_model_cannot_be_evaluated(fresh, capsys):
    assert fresh.run(f"cnn/epoch=10+{CNN}+step=evaluate") == 1
    message = capsys.readouterr().err
    assert (
        "train it with: python exp_train_model/main_doce_training.py -s cnn/step=train" in message
    )


def test_features_of_another_kind_are_refused(tmp_path, capsys):
    write_features(tmp_path, dataset="urban_mel_time")
    args = ["-s", f"cnn/dataset=urban_mel_time+classifier=YamNet+step=train+epoch=1+{CNN}", "-c",
            "--data_path", str(tmp_path), "--experiment_path", str(tmp_path / "exp")]  # fmt: skip
    assert main(args) == 1
    assert "holds third_octave inputs" in capsys.readouterr().err


def test_a_failure_does_not_stop_the_others(fresh, capsys):
    selector = "hybridts/prop_logit=100+dilation=1+learning_rate=-3+epoch=1"
    assert fresh.run(selector, "-c", "-D") == 1
    assert "3 of 3 settings failed" in capsys.readouterr().err
