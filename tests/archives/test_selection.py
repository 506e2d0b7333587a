"""Classes and groups that results tell of."""

import numpy as np
import pandas as pd
import pytest

from archives.networks import choose_selection
from archives.selection import best_classes, read_groups, traffic_voice_birds
from transcoder.audioset import audioset_classes, class_names
from transcoder.errors import UserError


def test_selections():
    probabilities = np.random.default_rng(0).random((5, 521)).astype(np.float32)
    values, indices = best_classes("YamNet", 3).apply(probabilities)
    np.testing.assert_array_equal(indices[:, 0], probabilities.argmax(axis=1))
    np.testing.assert_array_equal(values, -np.sort(-probabilities, axis=1)[:, :3])
    dense = best_classes("YamNet", 3).dense(values, indices)
    assert ((dense == probabilities) | (dense == 0)).all()
    assert ((dense > 0).sum(axis=1) == 3).all()
    groups = traffic_voice_birds("YamNet")
    assert groups.names == ("traffic", "voice", "birds")
    birds = [c.index for c in audioset_classes("YamNet") if c.tvb == "b"]
    np.testing.assert_array_equal(
        groups.apply(probabilities)[0][:, 2], probabilities[:, birds].max(axis=1)
    )


def test_the_experiments_groups_are_known_by_name():
    selection = choose_selection("PANN", groups="sonyc_ust", top_k=None)
    assert len(selection.names) == 8
    for number, group in enumerate(selection.groups, start=1):
        assert {audioset_classes("PANN")[k].sonyc_ust for k in group} == {number}


def test_own_groups(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text(
        "target_class_name,audioset_id,audioset_name\nbells,,Church bell\nbells,,Bell\n"
        "dogs,/m/0bt9lr,Dog\n"
    )
    selection = read_groups(path, "YamNet")
    assert selection.names == ("bells", "dogs")
    names = class_names("YamNet")
    assert [sorted(names[k] for k in g) for g in selection.groups] == [
        ["Bell", "Church bell"],
        ["Dog"],
    ]
    pd.read_csv(path).to_excel(tmp_path / "groups.xlsx", index=False)
    assert read_groups(tmp_path / "groups.xlsx", "YamNet").names == ("bells", "dogs")


@pytest.mark.parametrize(
    "text, message",
    [
        ("group\nx\n", "row 1: no column target_class_name"),
        ("a,Bark of a cat", "row 2: unknown AudioSet class, name 'Bark of a cat'"),
        (",Dog", "row 2: no name of a group"),
        ("", "holds no groups"),
    ],
)
def test_bad_groups(tmp_path, text, message):
    header = "" if "group" in text else "target_class_name,audioset_name,audioset_id\n"
    (tmp_path / "groups.csv").write_text(header + text)
    with pytest.raises(UserError, match=f"groups.csv.*{message}"):
        read_groups(tmp_path / "groups.csv", "YamNet")
