"""The classification plans from the command line: goldens, steps, tables, exports, errors."""

import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
from golden_files import DATA
from probability_data import TABLES, write_probabilities, write_tables

from doce_plans.records import record_path, write_record
from exp_classif_eval import export_classification_results, main_doce_score
from exp_classif_eval.datasets import SONYC_UST, URBANSOUND8K
from exp_classif_eval.deep_head import head_probabilities, load_heads
from exp_classif_eval.experiment import classification_experiment, outputs_file, predictions_file
from exp_classif_eval.labels import read_labels
from exp_classif_eval.probability_files import probability_path
from exp_classif_eval.scores import Outputs, Predictions, load, metric_arrays, save
from transcoder.names import DEMO_MARK, demo_name
from transcoder.settings import FRONT_ENDS

GOLDEN_CHAINS = {"pann_gt": "PANN/self", "yamnet_cnn": "YamNet/cnn"}
EXPECTED = json.loads((DATA / "classification" / "expected.json").read_text())


class Project:
    """A folder with the golden tables, and the main script run on it."""

    def __init__(self, folder):
        self.folder = folder
        self.experiment = classification_experiment(folder / "exp")
        write_tables(folder)

    def run(self, *options):
        paths = ["--experiment_path", self.folder / "exp", "--data_path", self.folder / "probs"]
        where = [*paths, "--audio_dataset_path", self.folder, "--device", "cpu"]
        return main_doce_score.main([str(option) for option in [*where, *options]])

    def export(self, *options):
        return export_classification_results.main(
            ["--experiment_path", str(self.folder / "exp"), *options]
        )

    def setting(self, plan="deep", step="metric", transcoder="self", classifier="PANN", **values):
        values = {"dataset": URBANSOUND8K.name, **values}
        return self.experiment.setting(
            plan, step=step, transcoder=transcoder, classifier=classifier, **values
        )

    def save_outputs(self, outputs, **setting):
        """What the eval step would leave."""
        of = self.setting(step="eval", **setting)
        save(outputs_file(of, self.experiment), outputs)
        write_record(of, self.experiment, {}, complete=True)

    def metric(self, name, **setting):
        return np.load(self.experiment.file("metrics", self.setting(**setting), name))


@pytest.fixture
def golden(tmp_path):
    """The golden probabilities of two chains."""
    project = Project(tmp_path)
    with np.load(DATA / "classification" / "probs.npz") as arrays:
        for name in TABLES:
            found = {chain: arrays[f"{name}__{key}"] for key, chain in GOLDEN_CHAINS.items()}
            write_probabilities(tmp_path / "probs", name, tuple(EXPECTED["files"][name]), found)
        project.outputs = {name: arrays[f"{name}__deep_outputs"] for name in TABLES}
    return project


NOISES = {
    "self": 1, "cnn": 16, "cnn_mels": 8, "pinv": 32, "texture": 16, "textured": 8, "direct": 4,
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """All settings of all plans, with random probabilities that tell something of the labels."""
    project = Project(tmp_path_factory.mktemp("project"))
    rng = np.random.default_rng(0)
    for name in TABLES:
        labelled = read_labels(name, project.folder / name)
        arrays = {}
        for classifier, end in FRONT_ENDS.items():
            for transcoder, noise in NOISES.items():
                probs = noise * rng.uniform(size=(len(labelled.files), end.n_classes))
                probs += np.resize(labelled.labels.T, probs.T.shape).T  # outputs tell the labels
                arrays[f"{classifier}/{transcoder}"] = (probs / probs.max()).astype(np.float32)
        write_probabilities(project.folder / "probs", name, labelled.files, arrays)
    assert project.run("-s", "reference/", "-c") == 0
    assert project.run("-s", "deep/", "-c", "2") == 0
    assert project.run("-s", "reference_extra/", "-s", "deep_extra/", "-c") == 0
    assert project.run("-s", "reference_open/", "-c") == 0
    return project


@pytest.mark.parametrize("dataset", TABLES)
def test_golden_scores_of_both_plans(golden, dataset):
    """Groups from the probabilities, heads from the golden outputs; means are the scores."""
    chains = [chain.split("/") for chain in GOLDEN_CHAINS.values()]
    for classifier, transcoder in chains:
        factors = f"transcoder={transcoder}+classifier={classifier}+dataset={dataset}"
        assert golden.run("-s", f"reference/{factors}", "-c", "--published_labels") == 0
    where = {"transcoder": "self", "classifier": "PANN", "dataset": dataset}
    labelled = read_labels(dataset, golden.folder / dataset, published_labels=True)
    rows = labelled.scored_rows[::-1]  # any order
    names = np.array(labelled.files)[rows]
    position = {name: row for row, name in enumerate(EXPECTED["files"][dataset])}
    outputs = golden.outputs[dataset][[position[name] for name in names]]
    golden.save_outputs(Outputs(names, outputs), **where)
    factors = f"step=metric+transcoder=self+classifier=PANN+dataset={dataset}"
    assert golden.run("-s", f"deep/{factors}", "-c", "--published_labels") == 0
    cases = {f"{dataset}/deep=1": {"plan": "deep", **where}}
    for (key, chain), (classifier, transcoder) in zip(GOLDEN_CHAINS.items(), chains, strict=True):
        assert chain == f"{classifier}/{transcoder}"
        cases[f"{dataset}/{key}/deep=0"] = {
            "plan": "reference", "transcoder": transcoder, "classifier": classifier,
            "dataset": dataset,
        }  # fmt: skip
    for key, setting in cases.items():
        found = [golden.metric(name, **setting).mean() for name in ("acc_classif", "macro_auprc")]
        assert found == pytest.approx(EXPECTED[key], abs=1e-6), key


def test_arrays_are_per_fold_file_and_class(finished):
    urban = {name: finished.metric(name) for name in ("acc_classif", "acc_folds", "macro_f1")}
    assert [array.shape for array in urban.values()] == [(10,)] * 3
    setting = finished.setting()
    found = load(predictions_file(setting, finished.experiment), Predictions, command="")
    right = found.decisions.argmax(1) == found.labels.argmax(1)
    assert urban["acc_classif"].mean() == pytest.approx(right.mean())
    assert urban["acc_folds"][2] == right[found.parts == 3].mean()
    sonyc = {"dataset": SONYC_UST.name}
    n_test = list(EXPECTED["SONYC-UST split by file"].values()).count("test")
    assert finished.metric("acc_classif", **sonyc).shape == (n_test,)
    assert finished.metric("macro_auprc", **sonyc).shape == (8,)
    file = finished.experiment.file("metrics", finished.setting(**sonyc), "acc_folds")
    assert not file.exists()


def test_each_file_is_judged_by_the_head_that_has_not_seen_it(finished):
    labelled = read_labels(URBANSOUND8K.name, finished.folder / URBANSOUND8K.name)
    setting = finished.setting(step="eval")
    outputs = load(outputs_file(setting, finished.experiment), Outputs, command="")
    heads = load_heads(
        finished.experiment.file("model", finished.setting(step="train"), "heads", ".pth")
    )
    with h5py.File(probability_path(finished.folder / "probs", URBANSOUND8K.name)) as file:
        row_of = {name: row for row, name in enumerate(file["files"].asstr()[:])}
        probs = file["PANN/self"][:]
    everything = [np.arange(len(probs))] * heads.n_heads
    of_head = head_probabilities(heads, probs, everything)
    fold_of = dict(zip(labelled.files, labelled.parts, strict=True))
    for name, values in zip(outputs.files, outputs.scores, strict=True):
        head = fold_of[str(name)] - 1  # head k was trained without fold k + 1
        np.testing.assert_allclose(values, of_head[head][row_of[str(name)]], atol=1e-6)


def test_threads_and_repetition_give_the_same_and_another_seed_does_not(finished, tmp_path):
    project = Project(tmp_path)
    shutil.copytree(finished.folder / "probs", tmp_path / "probs")
    selector = "deep/transcoder=self+classifier=PANN"
    train = finished.setting(step="train")

    def heads(of):
        return load_heads(of.experiment.file("model", train, "heads", ".pth")).hidden_weight

    assert project.run("-s", selector, "-c") == 0
    assert (heads(project) == heads(finished)).all()  # that ran in two threads
    np.testing.assert_array_equal(project.metric("macro_auprc"), finished.metric("macro_auprc"))
    assert project.run("-s", f"{selector}+step=train", "-c", "--seed", "5") == 0
    assert not (heads(project) == heads(finished)).all()


def test_commands_of_the_readme(finished, capsys):
    deep = ("-s", "deep/dataset=URBAN-SOUND-8K", "-d", "[0]")
    assert finished.run(*deep, "-e", "results_classif_urbansound8k.png") == 0
    said = capsys.readouterr().out
    assert "acc_classif % +" in said and "macro_auprc" not in said
    assert said.count("\n3 ") == 1 and "results_classif_urbansound8k.png" in said
    sonyc = ("-s", "{'dataset':'SONYC-UST'}", "-d", "[1]")
    assert finished.run(*sonyc, "-e", "results_classif_sonycust.png") == 0
    said = capsys.readouterr().out
    assert "macro_auprc +" in said and "\n7 " in said and "\n8 " not in said  # no extra plans
    for name in ("urbansound8k", "sonycust"):
        path = finished.folder / "exp" / "export" / f"results_classif_{name}.png"
        assert path.read_bytes().startswith(b"\x89PNG")


def test_finished_settings_are_skipped(finished, caplog):
    caplog.set_level("INFO")
    assert finished.run("-s", "deep/", "-s", "reference_extra/", "-c", "-S") == 0
    assert "32 of 32 settings were skipped" in caplog.text


def test_scores_of_other_probabilities_are_not_taken_for_these(tmp_path, capsys):
    project = Project(tmp_path)
    rng = np.random.default_rng(0)

    def make_probabilities():
        for name in TABLES:
            files = read_labels(name, tmp_path / name).files
            probs = rng.uniform(size=(len(files), 527)).astype(np.float32)
            write_probabilities(tmp_path / "probs", name, files, {"PANN/self": probs})

    make_probabilities()
    chosen = "transcoder=self+classifier=PANN+dataset=SONYC-UST"
    both = ("-s", f"reference/{chosen}", "-s", f"deep/{chosen}", "-c", "-S")
    assert project.run(*both) == project.run(*both) == 0
    assert project.run(*both, "--published_labels", "-D") == 1
    said = capsys.readouterr().err
    assert "4 of 4 settings failed" in said and "origin.labels: ours, now published" in said
    assert project.run("-s", f"deep/{chosen}+step=train", "-c", "--seed", "1") == 0
    assert project.run("-s", f"deep/{chosen}+step=metric", "-c") == 1  # of the heads before
    assert "was made from heads.weights" in capsys.readouterr().err
    make_probabilities()
    assert project.run(*both, "-D") == 1
    said = capsys.readouterr().err
    assert "4 of 4 settings failed" in said and "probabilities: " in said
    assert project.run(*both, "--renew") == project.run(*both) == 0


def test_demo_s_scores_bear_its_name(tmp_path, capsys):
    project = Project(tmp_path)
    name = SONYC_UST.name
    files = read_labels(name, tmp_path / name).files
    probs = np.random.default_rng(0).uniform(size=(len(files), 527)).astype(np.float32)
    for called in (name, demo_name(name)):
        write_probabilities(tmp_path / "probs", called, files, {"PANN/self": probs})
    chosen = "transcoder=self+classifier=PANN"
    assert project.run("-s", f"reference_demo/{chosen}+dataset=DEMO-SONYC-UST", "-c") == 1
    assert "its sounds are not DEMO's" in capsys.readouterr().err
    assert project.run("-s", f"reference/{chosen}+dataset=SONYC-UST", "-c") == 0
    (tmp_path / name / DEMO_MARK).touch()
    assert project.run("-s", f"reference_demo/{chosen}+dataset=DEMO-SONYC-UST", "-c") == 0
    assert project.run("-s", f"reference/{chosen}+dataset=SONYC-UST", "-c") == 1
    assert "its sounds are DEMO's" in capsys.readouterr().err
    assert project.export("--no-figures", "--ext", "csv", "md") == 0
    folder = tmp_path / "exp" / "export"
    demo, real = (
        (folder / f"results_classif_sonycust{end}.csv").read_text() for end in ("_DEMO", "")
    )
    assert "published macro_auprc on the real SONYC-UST" in demo and ",DEMO," in demo
    assert "DEMO" not in real and "published macro_auprc," in real
    assert "PANN (test)" in demo  # the weights, in the column "made with"
    assert "DEMO" in (folder / "classes_sonycust_DEMO.csv").read_text()


def test_head_learns_and_noise_costs(finished):
    """Outputs tell the labels under noise, and cnn has more of it than self."""
    accuracy = {t: finished.metric("acc_classif", transcoder=t).mean() for t in ("self", "cnn")}
    areas = {
        t: finished.metric("macro_auprc", transcoder=t, dataset=SONYC_UST.name).mean()
        for t in ("self", "cnn")
    }
    assert accuracy["self"] > 0.3 and accuracy["self"] > accuracy["cnn"]
    assert areas["self"] > areas["cnn"]


def test_published_labels_change_sonyc_ust_only(finished, tmp_path):
    project = Project(tmp_path)
    shutil.copytree(finished.folder / "probs", tmp_path / "probs")
    selector = "reference/transcoder=self+classifier=PANN"
    assert project.run("-s", selector, "-c", "--published_labels") == 0
    for name, differ in ((SONYC_UST.name, True), (URBANSOUND8K.name, False)):
        setting = {"plan": "reference", "dataset": name}
        theirs, ours = (p.metric("macro_auprc", **setting) for p in (project, finished))
        assert (theirs != ours).any() == differ


def test_exported_tables_stand_beside_the_published_numbers(finished, capsys):
    assert finished.export("--ext", "csv", "html", "md", "--no-figures") == 0
    said = capsys.readouterr().out
    assert (
        "90 scored" not in said
        and "91 scored files; classifiers: PANN (test), YamNet (test)" in said
    )
    folder = finished.folder / "exp" / "export"
    urban = pd.read_csv(folder / "results_classif_urbansound8k.csv", dtype=str)
    rows = urban.set_index(["deep", "transcoder", "classifier"])
    published = rows["published acc_classif %"]
    assert published["0", "self", "PANN"] == "62.1" and published["0", "cnn", "YamNet"] == "7.9"
    assert published["1", "cnn", "PANN"] == "62.7" and published["1", "pinv", "PANN"] == "-"
    assert len(urban) == 22
    ours = rows["acc_classif % +"]["1", "cnn_mels", "YamNet"]
    setting = {"plan": "deep_extra", "transcoder": "cnn_mels", "classifier": "YamNet"}
    assert ours == f"{100 * finished.metric('acc_classif', **setting).mean():.1f}"
    sonyc = (folder / "results_classif_sonycust.md").read_text()
    assert "published macro_auprc" in sonyc and "0.53" in sonyc and "Labels: ours" in sonyc
    assert "<table" in (folder / "results_classif_sonycust.html").read_text()


def test_class_tables_and_figures(golden):
    where = {"plan": "reference", "dataset": SONYC_UST.name}
    assert (
        golden.run("-s", "reference/transcoder=self+classifier=PANN+dataset=SONYC-UST", "-c") == 0
    )
    assert golden.export("--dataset", SONYC_UST.name, "--ext", "csv") == 0
    folder = golden.folder / "exp" / "export"
    classes = pd.read_csv(folder / "classes_sonycust.csv")
    assert classes["class"].tolist() == list(SONYC_UST.class_names)
    np.testing.assert_allclose(classes["auprc"], golden.metric("macro_auprc", **where), atol=1e-4)
    figures = sorted(path.name for path in (folder / "classes_sonycust").iterdir())
    assert figures == [
        "confusion_deep0_PANN_true_mels.png",
        "precision_recall_deep0_PANN_true_mels.png",
    ]


def test_export_of_a_data_set_without_scores(golden, capsys):
    factors = "transcoder=self+classifier=PANN+dataset=SONYC-UST"
    assert golden.run("-s", f"reference/{factors}", "-c") == 0
    both = ("--dataset", "URBAN-SOUND-8K", "SONYC-UST")
    assert golden.export("--ext", "csv", "--no-figures", *both) == 1
    assert "error: URBAN-SOUND-8K: nothing to show" in capsys.readouterr().err
    assert golden.export("--ext", "csv", "--no-figures") == 0
    said = capsys.readouterr()
    assert "URBAN-SOUND-8K: nothing to show" in said.err
    assert "results_classif_sonycust.csv" in said.out


def test_files_without_probabilities_are_left_out_and_counted(tmp_path, caplog):
    project = Project(tmp_path)
    names = tuple(EXPECTED["files"][URBANSOUND8K.name])
    probs = np.random.default_rng(0).uniform(size=(len(names), 527)).astype(np.float32)
    problems = ["cannot be read", *[""] * (len(names) - 1)]
    write_probabilities(
        tmp_path / "probs", URBANSOUND8K.name, names, {"PANN/self": probs}, problems
    )
    selector = "transcoder=self+classifier=PANN+dataset=URBAN-SOUND-8K"
    assert project.run("-s", f"reference/{selector}", "-c") == 0
    assert "1 of 91 files of URBAN-SOUND-8K are not in" in caplog.text
    found = load(
        predictions_file(project.setting(plan="reference"), project.experiment),
        Predictions,
        command="",
    )
    assert len(found.files) == 90 and names[0] not in found.files


def test_errors_name_the_command_that_helps(golden, capsys):
    selector = "deep/transcoder=self+classifier=PANN+dataset=URBAN-SOUND-8K"
    assert golden.run("-s", selector.replace("self", "cnn"), "-c") == 1
    said = capsys.readouterr().err
    assert "no probabilities of PANN for transcoder=cnn" in said and "--transcoder cnn" in said
    assert golden.run("-s", f"{selector}+step=eval", "-c") == 1
    command = "main_doce_score.py -s deep/step=train+transcoder=self+classifier=PANN+dataset=URBAN"
    assert command in capsys.readouterr().err
    assert golden.run("-s", f"{selector}+step=metric", "-c") == 1
    assert command.replace("train", "eval") in capsys.readouterr().err
    probability_path(golden.folder / "probs", URBANSOUND8K.name).unlink()
    assert golden.run("-s", "reference/transcoder=self+dataset=URBAN-SOUND-8K", "-c") == 1
    said = capsys.readouterr().err
    assert "create_logit_dataset.py --audio_dataset_name URBAN-SOUND-8K" in said


def test_outputs_that_do_not_fit_the_data_set(golden, capsys):
    selector = "deep/transcoder=self+classifier=PANN+dataset=URBAN-SOUND-8K+step=metric"
    path = outputs_file(golden.setting(step="eval"), golden.experiment)
    golden.save_outputs(Outputs(np.array(["other.wav"]), np.zeros((1, 10))))
    record_path(golden.setting(step="eval"), golden.experiment).unlink()
    assert golden.run("-s", selector, "-c") == 1
    assert "nobody knows what its outputs were made from" in capsys.readouterr().err
    golden.save_outputs(Outputs(np.array(["other.wav"]), np.zeros((1, 10))))
    path.write_bytes(b"PK half")
    assert golden.run("-s", selector, "-c") == 1
    assert "is damaged" in capsys.readouterr().err


def test_folds_of_different_size_count_by_their_files():
    labels = np.eye(10, dtype=np.int8)[[0, 1, 2, 3]]
    decisions = np.eye(10, dtype=np.int8)[[0, 1, 2, 0]]
    parts = np.array([1, 1, 1, 2])
    predictions = Predictions(parts, parts, decisions * 0.5, decisions, labels, np.array("{}"))
    arrays = metric_arrays(predictions, URBANSOUND8K)
    assert arrays["acc_folds"].tolist() == [1, 0]
    assert arrays["acc_classif"].tolist() == [1.5, 0]  # mean: 3 of 4 files
