"""Which clips of a TAU-like data set go into the train, valid and eval split.

Source: Tailleur et al., DCASE 2023; the data set is TAU Urban Acoustic Scenes 2020 Mobile,
development (Heittola et al. 2020). Its clips are named
``audio/<scene>-<city>-<location>-<segment>-<device>.wav``.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from features.files import SPLITS
from transcoder.errors import MissingFileError, UsageError, UserError
from transcoder.options import fetch_command

if TYPE_CHECKING:  # pandas takes half a second to import
    import pandas as pd

FOLD_TABLES = ("evaluation_setup/fold1_train.csv", "evaluation_setup/fold1_evaluate.csv")
"""Tab-separated tables of ``filename`` and ``scene_label``; together, in this order: all rows."""

DATASET_TYPES = ("full", "urban", "test")
URBAN_SCENES = ("street_pedestrian", "public_square", "street_traffic", "park")
PUBLISHED_DEVICES = ("a",)  # the binaural reference recorder; the others are phones
N_TEST_ROWS = 50
SPLIT_BY = ("file", "city", "location")
CITIES = {
    "train": ("london", "lyon", "milan", "paris", "stockholm", "vienna"),
    "valid": ("lisbon", "prague"),
    "eval": ("barcelona", "helsinki"),
}
RATIOS = (0.75, 0.125, 0.125)
SEED = 71  # of the published split


@dataclass(frozen=True)
class SplitConfig:
    """Which rows are taken, and how they are split; checks itself (`UsageError`)."""

    dataset_type: str = "full"  # "full", "urban" (four outdoor scenes), "test" (the first 50 rows)
    devices: tuple[str, ...] = PUBLISHED_DEVICES  # empty: all devices
    split_by: str = "file"  # "city" and "location" keep each within one split
    ratios: tuple[float, float, float] = RATIOS  # of train, valid, eval; unless by city
    limit: int | None = None  # only the first rows that are left

    def __post_init__(self) -> None:
        if self.dataset_type not in DATASET_TYPES:
            raise UsageError(f"unknown type {self.dataset_type!r}: choose from {DATASET_TYPES}")
        if self.split_by not in SPLIT_BY:
            raise UsageError(f"cannot split by {self.split_by!r}: choose from {SPLIT_BY}")
        if min(self.ratios) <= 0 or not math.isclose(sum(self.ratios), 1):
            given = ", ".join(f"{ratio:g}" for ratio in self.ratios)
            raise UsageError(f"the ratios {given} must be positive and add up to 1")
        if self.limit is not None and self.limit < len(SPLITS):
            raise UsageError(f"limit {self.limit}: the splits need at least {len(SPLITS)} clips")


def split_table(dataset_path: str | os.PathLike, config: SplitConfig) -> pd.DataFrame:
    """All rows of all splits: train, then valid, then eval.

    Parameters
    ----------
    dataset_path
        The data set's folder, which holds the `FOLD_TABLES`.
    config
        What to take and how to split.

    Returns
    -------
    Table of ``filename``, ``scene_label``, ``scene`` (index of the label among the sorted labels
    of all rows), ``city``, ``location``, ``device``, ``split``.

    Raises
    ------
    MissingFileError
        If a table is not there.
    UserError
        If a table cannot be understood, or a split would be empty.
    """
    import pandas as pd

    rows = select_rows(read_rows(dataset_path), config)
    if len(rows) < len(SPLITS):
        raise UserError(
            f"{dataset_path}: {len(rows)} clips are left after choosing type "
            f"{config.dataset_type} and devices {', '.join(config.devices) or 'all'}: too few "
            "for three splits"
        )
    labels = sorted(rows.scene_label.unique())
    rows = rows.assign(scene=rows.scene_label.map(labels.index))
    parts = {
        "file": lambda: _split_randomly(rows, config.ratios),
        "city": lambda: _split_by_city(rows),
        "location": lambda: _split_by_location(rows, config.ratios),
    }[config.split_by]()
    for split, part in zip(SPLITS, parts, strict=True):
        if part.empty:
            raise UserError(
                f"split {split} would be empty: too few clips to split by {config.split_by}"
            )
    table = pd.concat(
        [part.assign(split=split) for split, part in zip(SPLITS, parts, strict=True)],
        ignore_index=True,
    )
    return table[["filename", "scene_label", "scene", "city", "location", "device", "split"]]


def read_rows(dataset_path: str | os.PathLike) -> pd.DataFrame:
    """Both fold tables with the fields of the file names as columns; see `split_table`."""
    import pandas as pd

    rows = pd.concat(
        [_read_table(Path(dataset_path) / name) for name in FOLD_TABLES], ignore_index=True
    )
    twice = rows.filename[rows.filename.duplicated()]
    if len(twice):
        raise UserError(
            f"{dataset_path}: {len(twice)} clips are listed twice in the fold tables and could "
            f"come into two splits; the first is {twice.iloc[0]}"
        )
    fields = rows.filename.str.split(r"[-.]", regex=True)
    bad = rows.filename[fields.str.len() != 6]
    if len(bad):
        raise UserError(
            f"{dataset_path}: {bad.iloc[0]!r} is not named "
            "<scene>-<city>-<location>-<segment>-<device>.<suffix>"
        )
    return rows.assign(city=fields.str[1], location=fields.str[2], device=fields.str[4])


def select_rows(rows: pd.DataFrame, config: SplitConfig) -> pd.DataFrame:
    """The rows of the configuration's type and devices, at most its limit."""
    if config.devices:
        unknown = sorted(set(config.devices) - set(rows.device))
        if unknown:
            raise UserError(
                f"no clip is from device {', '.join(unknown)}; there are: "
                f"{', '.join(sorted(rows.device.unique()))}"
            )
        rows = rows[rows.device.isin(config.devices)]
    if config.dataset_type == "urban":
        rows = rows[rows.scene_label.isin(URBAN_SCENES)]
    elif config.dataset_type == "test":
        rows = rows[:N_TEST_ROWS]
    return rows[: config.limit]


def _read_table(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not path.is_file():
        raise MissingFileError(
            f"{path}: no such file; fetch the data set with: "
            f"{fetch_command('TAU', path.parents[2])} (or make sounds with: "
            f"{fetch_command('DEMO')}, and give --audio_dataset_path DEMO)"
        )
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:  # pandas' own errors are ValueErrors
        raise UserError(f"{path}: cannot be read as a table: {error}") from None
    columns = ["filename", "scene_label"]
    missing = [name for name in columns if name not in table]
    if missing:
        raise UserError(f"{path}: has no column {' and '.join(missing)} (tab-separated)")
    return table[columns]


def _split_randomly(rows: pd.DataFrame | list[str], ratios: tuple[float, float, float]) -> list:
    """The published split: the same shuffle for the same number of rows."""
    from sklearn.model_selection import train_test_split

    _, valid, evaluation = ratios
    share = evaluation / (valid + evaluation)
    try:
        train, rest = train_test_split(rows, test_size=valid + evaluation, random_state=SEED)
        return [train, *train_test_split(rest, test_size=share, random_state=SEED)]
    except ValueError:  # scikit-learn makes no empty parts
        raise UserError(f"{len(rows)} clips or places are too few to split") from None


def _split_by_city(rows: pd.DataFrame) -> list[pd.DataFrame]:
    unknown = sorted(set(rows.city) - {city for cities in CITIES.values() for city in cities})
    if unknown:
        raise UserError(f"no split is known for the city {', '.join(unknown)}")
    return [rows[rows.city.isin(CITIES[split])] for split in SPLITS]


def _split_by_location(
    rows: pd.DataFrame, ratios: tuple[float, float, float]
) -> list[pd.DataFrame]:
    """Places are shared out at random, each with all its clips."""
    place = rows.city + "-" + rows.location
    parts = _split_randomly(sorted(place.unique()), ratios)
    return [rows[place.isin(part)] for part in parts]
