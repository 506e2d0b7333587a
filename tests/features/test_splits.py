"""Which clips are taken and how they are split."""

import pytest
from sklearn.model_selection import train_test_split

from features.splits import CITIES, FOLD_TABLES, SplitConfig, split_table
from transcoder.errors import MissingFileError, UsageError, UserError

SCENES = ("tram", "park", "airport", "street_traffic", "public_square")
ALL_CITIES = [city for cities in CITIES.values() for city in cities]


def clip_name(i):
    device = "b" if i % 7 == 6 else "a"
    return f"audio/{SCENES[i % 5]}-{ALL_CITIES[i % 10]}-{i % 30}-{1000 + i}-{device}.wav"


@pytest.fixture
def dataset(tmp_path):
    """120 rows, the last 40 of them in the second table."""
    names = [clip_name(i) for i in range(120)]
    write_tables(tmp_path, names[:80], names[80:])
    return tmp_path


def write_tables(folder, *tables):
    (folder / "evaluation_setup").mkdir(exist_ok=True)
    for path, names in zip(FOLD_TABLES, tables, strict=True):
        lines = [f"{name}\t{name.split('/')[1].split('-')[0]}" for name in names]
        (folder / path).write_text("\n".join(["filename\tscene_label", *lines]) + "\n")


def names_of(table, split):
    return table.filename[table.split == split].tolist()


def test_published_split_of_all_rows(dataset):
    table = split_table(dataset, SplitConfig(devices=()))
    names = [clip_name(i) for i in range(120)]
    train, rest = train_test_split(names, test_size=0.25, random_state=71)
    valid, evaluation = train_test_split(rest, test_size=0.5, random_state=71)
    assert names_of(table, "train") == train
    assert names_of(table, "valid") == valid
    assert names_of(table, "eval") == evaluation
    assert (len(train), len(valid), len(evaluation)) == (90, 15, 15)
    # as scikit-learn 1.9 shuffles: another shuffle would be another data set
    assert [int(name.split("-")[3]) - 1000 for name in valid[:5]] == [117, 75, 36, 60, 50]


def test_columns(dataset):
    table = split_table(dataset, SplitConfig(devices=()))
    row = table[table.filename == clip_name(13)].iloc[0]
    assert row.to_dict() == {
        "filename": "audio/street_traffic-paris-13-1013-b.wav",
        "scene_label": "street_traffic",
        "scene": 3,  # among the sorted five
        "city": "paris",
        "location": "13",
        "device": "b",
        "split": row.split,
    }
    assert table.split.tolist() == ["train"] * 90 + ["valid"] * 15 + ["eval"] * 15


def test_types_and_devices(dataset):
    full = split_table(dataset, SplitConfig())
    assert set(full.device) == {"a"} and len(full) == 103
    urban = split_table(dataset, SplitConfig("urban"))
    assert set(urban.scene_label) == {"park", "public_square", "street_traffic"}
    assert set(urban.scene) == {0, 1, 2}
    test = split_table(dataset, SplitConfig("test", devices=()))
    assert set(test.filename) == {clip_name(i) for i in range(50)}
    few = split_table(dataset, SplitConfig(devices=("b",), limit=5))
    assert set(few.filename) == {clip_name(i) for i in (6, 13, 20, 27, 34)}


def test_other_ratios(dataset):
    table = split_table(dataset, SplitConfig(devices=(), ratios=(0.5, 0.3, 0.2)))
    assert table.split.value_counts().to_dict() == {"train": 60, "valid": 36, "eval": 24}


def test_split_by_city(dataset):
    table = split_table(dataset, SplitConfig(split_by="city"))
    assert len(table) == 103
    for split, cities in CITIES.items():
        assert set(table.city[table.split == split]) == set(cities)


def test_split_by_location_keeps_each_place_together(dataset):
    table = split_table(dataset, SplitConfig(devices=(), split_by="location"))
    assert len(table) == 120
    assert (table.groupby(["city", "location"]).split.nunique() == 1).all()
    places = table.groupby("split")[["city", "location"]].apply(lambda t: len(t.drop_duplicates()))
    assert places.to_dict() == {"train": 22, "valid": 4, "eval": 4}


def test_missing_table_names_the_download(tmp_path):
    with pytest.raises(MissingFileError, match=r"fold1_train\.csv.*download_datasets\.py"):
        split_table(tmp_path, SplitConfig())


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "cannot be read as a table"),
        ("filename,scene_label\naudio/x.wav,park\n", "no column filename and scene_label"),
        ("filename\nx\n", "no column scene_label"),
        ("filename\tscene_label\naudio/park.wav\tpark\n", r"'audio/park\.wav' is not named"),
        (f"filename\tscene_label\n{clip_name(90)}\tpark\n", "listed twice"),
        ('filename\tscene_label\n"audio/x\tpark\n', "cannot be read as a table"),
    ],
)
def test_damaged_table(dataset, text, message):
    (dataset / FOLD_TABLES[0]).write_text(text)
    with pytest.raises(UserError, match=message):
        split_table(dataset, SplitConfig())


def test_binary_table(dataset):
    (dataset / FOLD_TABLES[1]).write_bytes(bytes(range(128, 256)) * 9)
    with pytest.raises(UserError, match=r"fold1_evaluate\.csv: cannot be read as a table"):
        split_table(dataset, SplitConfig())


def test_impossible_splits(dataset):
    with pytest.raises(UserError, match="no clip is from device s9; there are: a, b"):
        split_table(dataset, SplitConfig(devices=("a", "s9")))
    with pytest.raises(UserError, match="split eval would be empty"):
        split_table(dataset, SplitConfig(split_by="city", limit=7))
    write_tables(dataset, ["audio/park-berlin-1-2-a.wav"], [clip_name(i) for i in range(20)])
    with pytest.raises(UserError, match="no split is known for the city berlin"):
        split_table(dataset, SplitConfig(split_by="city"))
    write_tables(dataset, [clip_name(0)], [clip_name(1)])
    with pytest.raises(UserError, match="2 clips are left"):
        split_table(dataset, SplitConfig())
    write_tables(dataset, [clip_name(0)], [clip_name(30), clip_name(60)])
    with pytest.raises(UserError, match="too few to split"):
        split_table(dataset, SplitConfig(split_by="location"))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"dataset_type": "rural"}, "unknown type 'rural'"),
        ({"split_by": "scene"}, "cannot split by 'scene'"),
        ({"ratios": (0.8, 0.1, 0.2)}, "0.8, 0.1, 0.2 must be positive and add up to 1"),
        ({"ratios": (1.0, 0.0, 0.0)}, "must be positive"),
        ({"limit": 2}, "limit 2"),
    ],
)
def test_impossible_configurations(options, message):
    with pytest.raises(UsageError, match=message):
        SplitConfig(**options)
