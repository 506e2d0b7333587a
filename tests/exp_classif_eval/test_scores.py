"""Decisions and scores against the published values, and on cases worked out by hand."""

import dataclasses
import json

import numpy as np
import pytest
from golden_files import DATA

from exp_classif_eval import figures, scores
from exp_classif_eval.class_groups import read_class_groups
from exp_classif_eval.datasets import DATASETS, SONYC_UST, URBANSOUND8K
from exp_classif_eval.labels import sonyc_ust_labels, urbansound8k_labels
from exp_classif_eval.scores import Predictions, metric_arrays
from transcoder.class_groups import group_maxima
from transcoder.plots import save_figure

TABLES = DATA / "classification"
CLASSIFIERS = {"pann_gt": "PANN", "yamnet_cnn": "YamNet"}


@pytest.fixture(scope="module")
def golden():
    """Expected values, and probabilities with files in the order of ``files``."""
    with np.load(TABLES / "probs.npz") as arrays:
        return json.loads((TABLES / "expected.json").read_text()), dict(arrays)


def scored(golden, name, key):
    """Probabilities and labels of the scored files."""
    expected, arrays = golden
    if name == URBANSOUND8K.name:
        labelled = urbansound8k_labels(TABLES / "UrbanSound8K_recalculated.csv")
    else:
        labelled = sonyc_ust_labels(TABLES / "sonyc_ust_annotations.csv", published_labels=True)
    position = {file: row for row, file in enumerate(expected["files"][name])}
    rows = labelled.scored_rows
    probs = arrays[f"{name}__{key}"][[position[labelled.files[row]] for row in rows]]
    return probs, labelled.labels[rows], labelled.parts[rows]


def means(name, values, decisions, labels, parts):
    """``acc_classif`` and ``macro_auprc`` as tables show them."""
    found = Predictions(np.arange(len(parts)), parts, values, decisions, labels, np.array("{}"))
    arrays = metric_arrays(found, DATASETS[name])
    return [arrays["acc_classif"].mean(), arrays["macro_auprc"].mean()]


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("key", CLASSIFIERS)
def test_published_scores_of_groups(golden, name, key):
    probs, labels, parts = scored(golden, name, key)
    groups = read_class_groups(name).indices(CLASSIFIERS[key])
    decisions = scores.group_decisions(probs, groups, DATASETS[name])
    found = means(name, group_maxima(probs, groups), decisions, labels, parts)
    expected = golden[0][f"{name}/{key}/deep=0"]
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", DATASETS)
def test_published_scores_of_the_head(golden, name):
    probs, labels, parts = scored(golden, name, "deep_outputs")
    decisions = scores.head_decisions(probs, DATASETS[name])
    found = means(name, probs, decisions, labels, parts)
    expected = golden[0][f"{name}/deep=1"]
    assert found == pytest.approx(expected, abs=1e-6)


def test_best_group_wins_whatever_is_not_in_a_group():
    """Outputs 0 and 3 are in no group; group 1 = {1, 2} holds the best of the others."""
    probs = np.array([[0.9, 0.1, 0.4, 0.8, 0.3], [0.9, 0.1, 0.2, 0.8, 0.3]])
    groups = [np.array([4]), np.array([1, 2])]
    np.testing.assert_array_equal(group_maxima(probs, groups), [[0.3, 0.4], [0.3, 0.2]])
    decisions = scores.group_decisions(probs, groups, URBANSOUND8K)
    np.testing.assert_array_equal(decisions, [[0, 1], [1, 0]])


def test_top_ranks_count_groups_once_and_ungrouped_outputs_too():
    """Group 0's many good members take one rank; seven of eight ranks are then free."""
    probs = np.zeros((1, 30))
    groups = [np.arange(10), np.array([10]), np.array([11])]
    probs[0, :10] = 0.99
    probs[0, 12:18] = 0.9  # six ungrouped outputs: ranks 2 to 7
    probs[0, 10], probs[0, 11] = 0.5, 0.4  # ranks 8 and 9
    decisions = scores.group_decisions(probs, groups, SONYC_UST)
    np.testing.assert_array_equal(decisions, [[1, 1, 0]])


def test_head_decides_one_class_or_all_above_one_half():
    outputs = np.array([[0.7, 0.5, 0.1], [0.2, 0.4, 0.3]])
    one = scores.head_decisions(outputs, URBANSOUND8K)
    np.testing.assert_array_equal(one, [[1, 0, 0], [0, 1, 0]])
    several = scores.head_decisions(outputs, SONYC_UST)
    np.testing.assert_array_equal(several, [[1, 1, 0], [0, 0, 0]])


def test_auprc_is_trapezoidal():
    """Ranks: hit, miss, hit. Points (recall, precision): (0, 1), (.5, 1), (.5, .5), (1, 2/3)."""
    area = scores.auprc(np.array([[0.9], [0.8], [0.7]]), np.array([[1], [0], [1]]))
    assert area == pytest.approx([0.5 * 1 + 0.5 * (1 / 2 + 2 / 3) / 2])


def test_classes_that_no_file_has_are_left_out():
    values = np.array([[0.9, 0.5], [0.1, 0.4]])
    labels = np.array([[1, 0], [0, 0]])
    np.testing.assert_array_equal(scores.auprc(values, labels), [1, np.nan])
    found = Predictions(
        np.arange(2), np.array(["test"] * 2), values, labels, labels, np.array("{}")
    )
    assert metric_arrays(found, dataclasses.replace(SONYC_UST, class_names=("a", "b")))[
        "macro_auprc"
    ].tolist() == [1]


def test_class_table_confusion_and_f1_by_hand():
    labels = np.eye(3, dtype=np.int8)[[0, 0, 0, 1]]
    decisions = np.eye(3, dtype=np.int8)[[0, 0, 1, 1]]
    table = scores.class_table(decisions.astype(float), decisions, labels, ["a", "b", "c"])
    assert table.loc["a", ["n_files", "precision", "recall", "f1"]].tolist() == [3, 1, 2 / 3, 0.8]
    assert table.loc["b", ["n_files", "precision", "recall"]].tolist() == [1, 0.5, 1]
    assert table.loc["c", "n_files"] == 0 and table.loc["c"].isna().sum() == 4
    matrix = scores.confusion_matrix(decisions, labels)
    np.testing.assert_array_equal(matrix, [[2, 1, 0], [0, 1, 0], [0, 0, 0]])
    assert table["f1"].tolist()[:2] == pytest.approx([0.8, 2 / 3]) and np.isnan(table["f1"]["c"])
    assert scores.first_class_agrees(decisions, labels).tolist() == [1, 1, 0, 1]


def test_figures_show_counts_and_areas(tmp_path):
    """The third class is in no file: it has a row of zeros, and no curve."""
    labels = np.eye(3, dtype=np.int8)[[0, 0, 1, 1]]
    decisions = np.eye(3, dtype=np.int8)[[0, 1, 1, 2]]
    names = ["horn", "dog", "siren"]
    matrix = scores.confusion_matrix(decisions, labels)
    confusion = figures.confusion_figure(matrix, labels.sum(axis=0), names, "confusion")
    axes = confusion.axes[0]
    assert [text.get_text() for text in axes.texts] == ["1"] * 4
    assert [t.get_text() for t in axes.get_yticklabels()] == ["horn (2)", "dog (2)", "siren (0)"]
    np.testing.assert_array_equal(axes.images[0].get_array()[0], [0.5, 0.5, 0])
    curves = figures.precision_recall_figure(labels * 0.5, labels, names, "curves")
    shown = [text.get_text() for text in curves.legends[0].get_texts()]
    assert shown == ["horn: 1.00", "dog: 1.00", "guessing: 0.50"]
    for figure, name in ((confusion, "confusion.png"), (curves, "curves.png")):
        save_figure(figure, tmp_path / "export" / name)
        assert (tmp_path / "export" / name).read_bytes().startswith(b"\x89PNG")
