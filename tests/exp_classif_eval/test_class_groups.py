"""The workbooks of class groups: what is written, what is read, what is said about bad rows."""

import openpyxl
import pytest

from exp_classif_eval import make_class_groups
from exp_classif_eval.class_groups import default_path, read_class_groups
from exp_classif_eval.datasets import DATASETS, SONYC_UST, URBANSOUND8K
from exp_classif_eval.make_class_groups import write_class_groups
from transcoder.audioset import audioset_classes
from transcoder.class_groups import TARGET_COLUMNS
from transcoder.errors import MissingFileError, UserError

N_MEMBERS = {"URBAN-SOUND-8K": 161, "SONYC-UST": 226}
DOG_BARK, GUN_SHOT, SIREN = 3, 6, 8


@pytest.fixture
def edited(tmp_path):
    """Apply a change to UrbanSound8K's sheet: ``edited(change)`` gives the workbook's path."""

    def edit(change):
        book = openpyxl.load_workbook(default_path(URBANSOUND8K.name))
        change(book.active)
        path = tmp_path / "groups.xlsx"
        book.save(path)
        return path

    return edit


def row_of(sheet, target_id):
    """The first row of a target class."""
    return next(cell.row for cell in sheet["A"] if cell.value == target_id)


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("classifier", ["PANN", "YamNet"])
def test_committed_workbooks_hold_the_class_table(name, classifier):
    groups = read_class_groups(name).indices(classifier)
    target = DATASETS[name]
    for target_id, group in zip(target.class_ids, groups, strict=True):
        expected = [
            c.index
            for c in audioset_classes(classifier)
            if getattr(c, target.group_column) == target_id
        ]
        assert group.tolist() == expected


@pytest.mark.parametrize("name", DATASETS)
def test_writing_again_gives_the_committed_cells_and_the_same_bytes(name, tmp_path):
    first, second = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    assert write_class_groups(name, first) == write_class_groups(name, second) == N_MEMBERS[name]
    assert first.read_bytes() == second.read_bytes()
    assert b"2023-01-01T00:00:00Z" in first.read_bytes()  # no date of today
    written, committed = (
        list(openpyxl.load_workbook(path).active.values) for path in (first, default_path(name))
    )
    assert written == committed
    assert written[0] == TARGET_COLUMNS and len(written) == N_MEMBERS[name] + 1


def test_yamnet_lacks_classes_of_a_group_and_leaves_them_out():
    voice = SONYC_UST.class_names.index("human-voice")
    groups = read_class_groups(SONYC_UST.name)
    assert len(groups.indices("PANN")[voice]) == 29
    assert len(groups.indices("YamNet")[voice]) == 26


def test_an_edited_workbook_is_used(edited):
    """By name alone, by id alone, in another case, behind an empty row, in another order."""

    def change(sheet):
        sheet.cell(row_of(sheet, DOG_BARK), 4).value = "howl"
        sheet.cell(row_of(sheet, DOG_BARK), 3).value = None
        sheet.append([])
        sheet.append([None, "Gun_Shot", "/m/032s66", None])  # moves nothing: see below
        sheet.delete_rows(row_of(sheet, GUN_SHOT))
        sheet.append([8.0, None, None, " Whistle "])

    names = [c.name for c in audioset_classes("PANN")]
    groups = read_class_groups(URBANSOUND8K.name, edited(change)).indices("PANN")
    assert [names[i] for i in groups[DOG_BARK]] == ["Howl"]
    assert [names[i] for i in groups[GUN_SHOT]] == ["Gunshot, gunfire"]
    assert "Whistle" in [names[i] for i in groups[SIREN]]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([10, None, "/m/07plz5l", None], r"unknown target class, id '10'$"),
        ([None, "cat", "/m/07plz5l", None], r"unknown target class, name 'cat'$"),
        ([3, "siren", "/m/07plz5l", None], r"target class id '3' and name 'siren' are different"),
        ([None, None, "/m/07plz5l", None], r"no target class: give its id or its name"),
        ([3, None, "/m/nothing", None], r"unknown AudioSet class, id '/m/nothing'$"),
        ([3, None, None, "Woof"], r"unknown AudioSet class, name 'Woof'$"),
        ([3, None, "/m/07plz5l", "Speech"], r"'/m/07plz5l' and name 'Speech' are different"),
        ([3, None, None, None], r"no AudioSet class: give its id or its name"),
        ([3, None, None, "Bark"], r"'Bark' \(/m/05tny_\) was given in row \d+ already"),
    ],
)
def test_bad_rows_are_named(edited, cells, message):
    path = edited(lambda sheet: sheet.append(cells))
    with pytest.raises(UserError, match=r"groups.xlsx, row 163: .*" + message):
        read_class_groups(URBANSOUND8K.name, path)


def test_a_target_class_without_rows(edited):
    path = edited(lambda sheet: sheet.delete_rows(row_of(sheet, GUN_SHOT)))
    with pytest.raises(UserError, match="no row for target class 'gun_shot'"):
        read_class_groups(URBANSOUND8K.name, path)


def test_a_group_that_the_classifier_lacks(edited):
    yamnet = {c.mid for c in audioset_classes("YamNet")}
    lacking = next(c for c in audioset_classes("PANN") if c.mid not in yamnet)

    def change(sheet):
        row = row_of(sheet, GUN_SHOT)
        sheet.cell(row, 3).value, sheet.cell(row, 4).value = lacking.mid, lacking.name

    groups = read_class_groups(URBANSOUND8K.name, edited(change))
    assert len(groups.indices("PANN")[GUN_SHOT]) == 1
    with pytest.raises(UserError, match=r"YamNet has none .* 'gun_shot'"):
        groups.indices("YamNet")


def test_workbooks_that_are_none(edited, tmp_path):
    with pytest.raises(MissingFileError, match="make_class_groups"):
        read_class_groups(URBANSOUND8K.name, tmp_path / "absent.xlsx")
    (tmp_path / "text.xlsx").write_text("target_class_id,audioset_id")
    with pytest.raises(UserError, match="no Excel workbook"):
        read_class_groups(URBANSOUND8K.name, tmp_path / "text.xlsx")
    with pytest.raises(UserError, match="row 1: no column audioset_id, audioset_name"):
        read_class_groups(URBANSOUND8K.name, edited(lambda sheet: sheet.delete_cols(3, 2)))


def test_script_writes_and_does_not_overwrite_edits(tmp_path, capsys):
    assert make_class_groups.main(["--output-path", str(tmp_path)]) == 0
    assert "161 AudioSet classes" in capsys.readouterr().out
    path = tmp_path / "sub_classes_sonyc_ust.xlsx"
    ours = path.read_bytes()
    path.write_bytes(b"edited")
    assert make_class_groups.main(["--output_path", str(tmp_path)]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert path.read_bytes() == b"edited"
    assert make_class_groups.main(["--output_path", str(tmp_path), "--overwrite"]) == 0
    assert path.read_bytes() == ours
