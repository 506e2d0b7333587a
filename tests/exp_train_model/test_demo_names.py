"""DEMO's features, settings, scores and tables bear its name, and no other data set's."""

import shutil

import h5py
import numpy as np
import pytest
from tau_data import write_tau
from training_data import write_features
from training_world import MODELS, World, use

from doce_plans.plans import Plan, plan_on, with_demo
from exp_classif_eval.datasets import dataset
from exp_train_model import create_mel_tho_dataset, export_experiment_results
from exp_train_model.experiment import oracle_setting, training_experiment
from exp_train_model.experiment_sizes import model_selectors, reference_selector
from features.files import SPLITS, split_path
from transcoder.names import DEMO_MARK, DEMO_NOTE, demo_name, is_demo, is_demo_folder, real_name


def test_names():
    assert demo_name("full") == "DEMO-full"
    assert real_name("DEMO-full") == real_name("full") == "full"
    assert is_demo("DEMO-full") and not is_demo("full")
    assert plan_on("cnn", "DEMO-full") == "cnn_demo" and plan_on("cnn", "full") == "cnn"


def test_published_plans_keep_their_factors_beside_their_twins():
    plan = Plan("cnn", {"step": ["train"], "dataset": ["TEST", "full"]})
    same, twin = with_demo([plan])
    assert same == plan and twin.named_only
    assert (twin.name, twin.factors["dataset"]) == ("cnn_demo", ("DEMO-TEST", "DEMO-full"))


def test_every_training_plan_has_a_twin_that_leads_to_demo_s_oracle():
    experiment = training_experiment()
    for selector in [reference_selector("DEMO-full", "YamNet"),
                     *model_selectors("restricted", "DEMO-full")]:  # fmt: skip
        for setting in experiment.select(selector):
            assert "dataset=DEMO-full" in setting.identifier()
            assert oracle_setting(setting, experiment)["dataset"] == "DEMO-full"


def test_a_folder_of_demo_is_known_wherever_it_is(tmp_path):
    (tmp_path / "DEMO" / "TAU").mkdir(parents=True)
    (tmp_path / "moved").mkdir()
    assert is_demo_folder(tmp_path / "DEMO" / "TAU") and not is_demo_folder(tmp_path / "moved")
    (tmp_path / "moved" / DEMO_MARK).touch()
    assert is_demo_folder(tmp_path / "moved")


def test_a_data_set_of_classes_knows_whose_it_is():
    found = dataset("DEMO-SONYC-UST")
    assert (found.short_name, found.metadata) == ("sonycust_DEMO", dataset("SONYC-UST").metadata)


# ---- the training experiment


@pytest.fixture
def scored(tmp_path, monkeypatch):
    """PINV's scores on data sets that are called TEST and DEMO-TEST."""
    world = use(monkeypatch, World(tmp_path))
    write_features(world.features, dataset="DEMO-TEST", seed=1)
    for plan, name in (("reference", "TEST"), ("reference_demo", "DEMO-TEST")):
        arguments = f"{plan}/dataset={name}+classifier=YamNet"
        assert world.run_plain(arguments) == 0
    return world


def test_demo_s_table_says_so_in_every_format(scored, tmp_path, capsys):
    folder = tmp_path / "tables"
    for name in ("TEST", "DEMO-TEST"):
        arguments = ["--dataset", name, "--classifier", "YamNet", "--experiment_path",
                     str(scored.experiment.folder), "--output", str(folder),
                     "--ext", "csv", "md", "html", "tex", "png"]  # fmt: skip
        assert export_experiment_results.main(arguments) == 0
    said = capsys.readouterr().out
    assert DEMO_NOTE in said
    for suffix in ("csv", "md", "html", "tex"):
        demo = (folder / f"results_training_YamNet_DEMO.{suffix}").read_text()
        real = (folder / f"results_training_YamNet.{suffix}").read_text()
        assert "remarks" in demo and "DEMO" in demo and "published on TAU full" in demo
        assert "remarks" not in real and "DEMO" not in real
    assert (folder / "results_training_YamNet_DEMO.png").stat().st_size > 300
    for plan in ("reference", "reference_demo"):
        assert scored.run_plain(f"{plan}/transcoder=pinv+step=metric", "-d") == 0
        assert ("remarks" in capsys.readouterr().out) == (plan == "reference_demo")


def test_demo_s_features_are_no_other_data_set_s(scored, capsys):
    for split in SPLITS:
        path = split_path(scored.features, "TEST", split)
        with h5py.File(path, "a") as file:
            file.attrs["sounds"] = "DEMO"
    assert scored.run(f"{MODELS['mlp']}+epoch=200+step=train") == 1
    message = capsys.readouterr().err
    assert "holds DEMO's sounds" in message and "mlp_demo/dataset=DEMO-TEST" in message


def test_features_of_demo_get_its_name(tmp_path, capsys):
    sounds = write_tau(tmp_path / "here", n_clips=20)
    arguments = ["--audio_dataset_path", str(sounds.parent), "--audio_dataset_name", sounds.name,
                 "--output_path", str(tmp_path / "features"), "--dataset_type", "test",
                 "--mel_template", "yamnet"]  # fmt: skip
    (sounds / DEMO_MARK).touch()
    assert create_mel_tho_dataset.main([*arguments, "--dataset_name", "TEST"]) == 2
    assert "the experiments know DEMO-TEST" in capsys.readouterr().err
    assert create_mel_tho_dataset.main(arguments) == 0
    with h5py.File(split_path(tmp_path / "features", "DEMO-TEST", "eval")) as file:
        assert file.attrs["sounds"] == "DEMO"
    (sounds / DEMO_MARK).unlink()
    assert create_mel_tho_dataset.main([*arguments, "--dataset_name", "DEMO-TEST"]) == 2
    shutil.rmtree(tmp_path / "features")
    assert create_mel_tho_dataset.main(arguments) == 0
    with h5py.File(split_path(tmp_path / "features", "TEST", "eval")) as file:
        assert "sounds" not in file.attrs and np.isfinite(file["mels_yamnet"][:]).all()
