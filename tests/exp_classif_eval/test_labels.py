"""Labels and splits of the two data sets, and what is said about bad tables."""

import json
import logging

import numpy as np
import pandas as pd
import pytest
from golden_files import DATA

from exp_classif_eval.datasets import SONYC_UST
from exp_classif_eval.labels import read_labels, sonyc_ust_labels, urbansound8k_labels
from transcoder.errors import MissingFileError, UsageError, UserError

TABLES = DATA / "classification"
URBANSOUND8K_CSV = TABLES / "UrbanSound8K_recalculated.csv"
SONYC_UST_CSV = TABLES / "sonyc_ust_annotations.csv"
ENGINE, DOG = "1_engine_presence", "8_dog_presence"


@pytest.fixture(scope="module")
def expected():
    return json.loads((TABLES / "expected.json").read_text())


@pytest.fixture
def edited(tmp_path):
    """Write a golden table with changes: ``edited(path, change)`` gives the new path."""

    def edit(source, change):
        table = pd.read_csv(source, dtype=str)
        path = tmp_path / source.name
        change(table).to_csv(path, index=False)
        return path

    return edit


def setting(column, row, value):
    """A change of one cell."""

    def change(table):
        table.loc[row, column] = value
        return table

    return change


def test_sonyc_ust_published_labels_and_split(expected):
    labelled = sonyc_ust_labels(SONYC_UST_CSV, published_labels=True)
    assert list(labelled.files) == expected["files"]["SONYC-UST"]
    labels = dict(zip(labelled.files, labelled.labels.tolist(), strict=True))
    assert labels == expected["SONYC-UST labels by file"]
    splits = dict(zip(labelled.files, labelled.parts.tolist(), strict=True))
    assert splits == expected["SONYC-UST split by file"]


def test_sonyc_ust_class_without_opinion_is_absent_unless_published():
    """The two readings differ exactly where every counted annotator gave -1."""
    ours = sonyc_ust_labels(SONYC_UST_CSV)
    published = sonyc_ust_labels(SONYC_UST_CSV, published_labels=True)
    differs = published.labels != ours.labels
    assert differs.any() and not ours.labels[differs].any()
    table = pd.read_csv(SONYC_UST_CSV)
    table = table[(table["split"] != "test") | (table["annotator_id"] == 0)]
    nobody = (table.iloc[:, -8:] == -1).groupby(table["audio_filename"]).all()
    np.testing.assert_array_equal(differs, nobody.to_numpy())


def test_sonyc_ust_trains_on_train_and_scores_test():
    labelled = sonyc_ust_labels(SONYC_UST_CSV)
    (split,) = labelled.splits()
    assert set(labelled.parts[split.train_rows]) == {"train"}
    assert set(labelled.parts[split.test_rows]) == {"test"}
    np.testing.assert_array_equal(labelled.scored_rows, split.test_rows)


def test_urbansound8k_leaves_out_short_clips_and_makes_ten_folds():
    labelled = urbansound8k_labels(URBANSOUND8K_CSV)
    table = pd.read_csv(URBANSOUND8K_CSV)
    table = table[table["duration"] >= 1]
    assert list(labelled.files) == table["slice_file_name"].tolist()
    np.testing.assert_array_equal(labelled.labels.argmax(axis=1), table["classID"])
    np.testing.assert_array_equal(labelled.labels.sum(axis=1), 1)
    splits = labelled.splits()
    assert [split.name for split in splits] == [f"fold{f}" for f in range(1, 11)]
    for fold, split in enumerate(splits, start=1):
        assert (table["fold"].to_numpy()[split.test_rows] == fold).all()
        both = np.concatenate([split.train_rows, split.test_rows])
        np.testing.assert_array_equal(np.sort(both), np.arange(len(table)))
    np.testing.assert_array_equal(labelled.scored_rows, np.arange(len(table)))


def test_read_labels_knows_the_layout(tmp_path):
    (tmp_path / "annotations.csv").write_bytes(SONYC_UST_CSV.read_bytes())
    labelled = read_labels("SONYC-UST", tmp_path, published_labels=True)
    assert labelled.dataset is SONYC_UST and len(labelled.files) == 60
    with pytest.raises(MissingFileError, match=r"UrbanSound8K_recalculated.*download_datasets"):
        read_labels("URBAN-SOUND-8K", tmp_path)
    with pytest.raises(UsageError, match=r"'ESC-50'.*URBAN-SOUND-8K or SONYC-UST"):
        read_labels("ESC-50", tmp_path)


def test_absent_files_are_counted(caplog):
    labelled = sonyc_ust_labels(SONYC_UST_CSV)
    kept = labelled.restricted_to([*labelled.files[4:], "other.wav"], "the audio folder")
    assert kept.files == labelled.files[4:]
    np.testing.assert_array_equal(kept.labels, labelled.labels[4:])
    np.testing.assert_array_equal(kept.parts, labelled.parts[4:])
    assert "4 of 60 files of SONYC-UST are not in the audio folder" in caplog.text
    assert labelled.files[0] in caplog.text
    with pytest.raises(UserError, match=r"none of the 60 files .* is in the audio folder"):
        labelled.restricted_to([], "the audio folder")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("classID", "10", "line 5: classID is '10', not a whole number from 0 to 9$"),
        ("classID", "1.5", "line 5: classID is '1.5'"),
        ("fold", "0", "line 5: fold is '0', not a whole number from 1 to 10"),
        ("fold", "", "line 5: fold is ''"),
        ("duration", "long", "line 5: duration is 'long', not a positive"),
        ("duration", "0", "line 5: duration is '0'"),
        ("slice_file_name", "", "line 5: slice_file_name is ''"),
        (
            "slice_file_name",
            "1000-0-0-0.wav",
            "line 5: slice_file_name is .1000-0-0-0.wav., not new: .* contradicts",
        ),
    ],
)
def test_bad_cells_of_urbansound8k(edited, column, value, message):
    with pytest.raises(UserError, match=message):
        urbansound8k_labels(edited(URBANSOUND8K_CSV, setting(column, 3, value)))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (DOG, "2", "line 5: 8_dog_presence is '2', not a whole number from -1 to 1"),
        ("split", "valid", "line 5: split is 'valid', not one of train, validate, test"),
        ("split", "train", "01_000001.wav is in more than one split"),
    ],
)
def test_bad_cells_of_sonyc_ust(edited, column, value, message):
    with pytest.raises(UserError, match=message):
        sonyc_ust_labels(edited(SONYC_UST_CSV, setting(column, 3, value)))


def test_second_opinion_of_an_annotator_counts_and_is_reported(edited, caplog):
    """One yes and one no of the agreed truth: half, so present."""

    def repeat_with_other_engine(table):
        table.loc[len(table)] = table.loc[0]
        return setting(ENGINE, 0, "0")(table)

    assert pd.read_csv(SONYC_UST_CSV)[ENGINE][0] == 1
    labelled = sonyc_ust_labels(edited(SONYC_UST_CSV, repeat_with_other_engine))
    assert labelled.labels[0, 0] == 1
    assert "1 second opinions" in caplog.text


@pytest.mark.parametrize(
    ("read", "source"),
    [(urbansound8k_labels, URBANSOUND8K_CSV), (sonyc_ust_labels, SONYC_UST_CSV)],
)
def test_repeated_lines_change_nothing_and_are_counted(edited, caplog, read, source):
    path = edited(source, lambda table: pd.concat([table, table[:7]]))
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(read(path).labels, read(source).labels)
    assert "7 repeated lines are ignored" in caplog.text


def test_test_files_without_agreed_truth_are_counted(edited, caplog):
    path = edited(SONYC_UST_CSV, setting("annotator_id", 0, "77"))
    assert len(sonyc_ust_labels(path).files) == 59
    assert "1 test files without agreed truth" in caplog.text


def test_tables_that_are_none(tmp_path):
    path = tmp_path / "table.csv"
    for content, message in [
        (b"", "is no CSV table"),
        (b"\xff\xfe\x00\x81,\x9f\n", "is no CSV table"),
        (b"a,b\n1,2\n", "no column slice_file_name, fold, classID, duration; .* a, b"),
        (b"slice_file_name,fold,classID,duration\n", "lists no files"),
        (b"slice_file_name,fold,classID,duration\na.wav,1,1,0.5\n", "no clip of at least 1 s"),
    ]:
        path.write_bytes(content)
        with pytest.raises(UserError, match=message):
            urbansound8k_labels(path)
