"""The labels of UrbanSound8K and SONYC-UST, and which files train and which are scored."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from exp_classif_eval.datasets import SONYC_UST, URBANSOUND8K, Dataset, dataset
from transcoder.errors import MissingFileError, UserError
from transcoder.names import real_name
from transcoder.options import fetch_command
from transcoder.settings import CHUNK_DURATION_S

logger = logging.getLogger(__name__)

FOLDS = range(1, 11)
SPLITS = ("train", "validate", "test")
AGREED_TRUTH = 0  # the annotator id of SONYC-UST's authors, who settled the test split together
_PRESENT_SHARE = 0.5  # of the annotators


@dataclass(frozen=True, eq=False)
class Split:
    """One training and its test, as positions in `LabelledFiles.files`."""

    name: str
    train_rows: NDArray[np.int64]
    test_rows: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LabelledFiles:
    """Files of a data set with their classes."""

    dataset: Dataset
    files: tuple[str, ...]
    labels: NDArray[np.int8]  # (n_files, n_classes), 1 = present
    parts: NDArray  # (n_files,): fold 1 to 10 (UrbanSound8K) or a name of `SPLITS` (SONYC-UST)

    def splits(self) -> list[Split]:
        """Each fold against the others (UrbanSound8K), or train against test (SONYC-UST)."""
        if self.dataset.multi_label:
            return [_split("test", self.parts == "train", self.parts == "test")]
        folds = np.unique(self.parts)
        return [_split(f"fold{f}", self.parts != f, self.parts == f) for f in folds]

    @property
    def scored_rows(self) -> NDArray[np.int64]:
        """The rows that are in some test: all of UrbanSound8K, the test split of SONYC-UST."""
        return np.sort(np.concatenate([split.test_rows for split in self.splits()]))

    def restricted_to(self, available: Collection[str], where: str) -> "LabelledFiles":
        """Only the files that are ``available``; how many are not in ``where`` is logged.

        Raises `UserError` if none is left.
        """
        available = set(available)
        rows = [row for row, file in enumerate(self.files) if file in available]
        n_missing = len(self.files) - len(rows)
        if not rows:
            raise UserError(
                f"none of the {len(self.files)} files that {self.dataset.name}/"
                f"{self.dataset.metadata} lists is in {where}"
            )
        if n_missing:
            missing = [file for file in self.files if file not in available]
            logger.warning(
                "%d of %d files of %s are not in %s and are left out (%s%s)",
                n_missing,
                len(self.files),
                self.dataset.name,
                where,
                ", ".join(missing[:3]),
                ", ..." if n_missing > 3 else "",
            )
        files = tuple(self.files[row] for row in rows)
        return LabelledFiles(self.dataset, files, self.labels[rows], self.parts[rows])


def read_labels(
    dataset_name: str, folder: str | Path, *, published_labels: bool = False
) -> LabelledFiles:
    """Labels of the data set in ``folder``, which has the layout that download_datasets.py makes.

    ``published_labels`` matters to SONYC-UST alone: see `sonyc_ust_labels`.

    Raises `UserError` that names file and line for a table that is missing or wrong.
    """
    path = Path(folder) / dataset(dataset_name).metadata
    if not path.is_file():
        command = fetch_command(real_name(dataset_name), Path(folder).parent)
        raise MissingFileError(f"{path} is missing; fetch the data set with: {command}")
    if real_name(dataset_name) == URBANSOUND8K.name:
        return urbansound8k_labels(path)
    return sonyc_ust_labels(path, published_labels=published_labels)


def urbansound8k_labels(path: str | Path) -> LabelledFiles:
    """UrbanSound8K's clips of at least 1 s in the table's order: one class each, ten folds."""
    table = _read_table(path, ["slice_file_name", "fold", "classID", "duration"])
    table = _without_repeats(table, path)
    again = table["slice_file_name"].duplicated()
    _refuse(table, "slice_file_name", again, "new: an earlier line contradicts this one", path)
    folds = _numbers(table, "fold", FOLDS, path)
    classes = _numbers(table, "classID", URBANSOUND8K.class_ids, path)
    duration_s = pd.to_numeric(table["duration"], errors="coerce")
    _refuse(table, "duration", ~(duration_s > 0), "a positive number of seconds", path)
    long_enough = (duration_s >= CHUNK_DURATION_S).to_numpy()
    if not long_enough.any():
        raise UserError(f"{path}: no clip of at least {CHUNK_DURATION_S} s")
    if not long_enough.all():
        logger.info(
            "%d of %d clips of %s are shorter than %d s and are left out",
            (~long_enough).sum(),
            len(table),
            URBANSOUND8K.name,
            CHUNK_DURATION_S,
        )
    one_hot = np.eye(URBANSOUND8K.n_classes, dtype=np.int8)[classes]
    files = tuple(table["slice_file_name"][long_enough])
    return LabelledFiles(URBANSOUND8K, files, one_hot[long_enough], folds[long_enough])


def sonyc_ust_labels(path: str | Path, *, published_labels: bool = False) -> LabelledFiles:
    """SONYC-UST's clips by name, with the coarse classes that half of the annotators heard.

    Only the agreed truth counts in the test split. A class that nobody labelled in a clip is
    absent; with ``published_labels`` it is present, as in the published scores, where a
    comparison with a missing number came out that way.
    """
    columns = [f"{i}_{name}_presence" for i, name in enumerate(SONYC_UST.class_names, start=1)]
    table = _read_table(path, ["audio_filename", "split", "annotator_id", *columns])
    _refuse(table, "split", ~table["split"].isin(SPLITS), f"one of {', '.join(SPLITS)}", path)
    splits_of_file = table.groupby("audio_filename")["split"].nunique()
    if (splits_of_file > 1).any():
        raise UserError(f"{path}: {splits_of_file.idxmax()} is in more than one split")
    table = _without_repeats(table, path)
    n_again = table.duplicated(["audio_filename", "annotator_id"]).sum()
    if n_again:
        logger.warning("%s: %d second opinions of an annotator count too", path, n_again)
    votes = pd.DataFrame(
        {column: _numbers(table, column, (-1, 0, 1), path) for column in columns},
        index=table.index,
    )
    agreed = pd.to_numeric(table["annotator_id"], errors="coerce") == AGREED_TRUTH
    counted = (table["split"] != "test") | agreed
    file, split = table["audio_filename"][counted], table["split"][counted]
    n_untrue = table["audio_filename"].nunique() - file.nunique()
    if n_untrue:
        logger.warning("%s: %d test files without agreed truth are left out", path, n_untrue)
    votes = votes[counted]
    share = votes.where(votes >= 0).groupby(file, sort=True).mean()  # -1 is no opinion
    present = share >= _PRESENT_SHARE
    if published_labels:
        present |= share.isna()
    parts = split.groupby(file, sort=True).first().to_numpy(str)
    return LabelledFiles(SONYC_UST, tuple(share.index), present.to_numpy(np.int8), parts)


def _split(name: str, train: NDArray[np.bool_], test: NDArray[np.bool_]) -> Split:
    return Split(name, np.flatnonzero(train), np.flatnonzero(test))


def _read_table(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns of a CSV file, as text."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except FileNotFoundError:
        raise MissingFileError(
            f"{path} is missing: fetch the data set with download_datasets.py"
        ) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no CSV table: {error}") from None
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise UserError(
            f"{path}: no column {', '.join(missing)}; the first line names {', '.join(table)}"
        )
    if table.empty:
        raise UserError(f"{path} lists no files")
    _refuse(table, columns[0], table[columns[0]] == "", "a file name", path)
    return table[list(columns)].copy()


def _numbers(
    table: pd.DataFrame, column: str, allowed: Collection[int], path: str | Path
) -> NDArray[np.int64]:
    values = pd.to_numeric(table[column], errors="coerce")
    wanted = f"a whole number from {min(allowed)} to {max(allowed)}"
    _refuse(table, column, ~values.isin(list(allowed)), wanted, path)
    return values.to_numpy(np.int64)


def _refuse(
    table: pd.DataFrame, column: str, bad: pd.Series, wanted: str, path: str | Path
) -> None:
    """Raise `UserError` for the first bad row; the index counts the rows below the header."""
    if bad.any():
        row = bad.idxmax()
        raise UserError(
            f"{path}, line {row + 2}: {column} is {table.at[row, column]!r}, not {wanted}"
            + (f" ({bad.sum()} such lines)" if bad.sum() > 1 else "")
        )


def _without_repeats(table: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    distinct = table.drop_duplicates()
    if len(distinct) < len(table):
        logger.warning("%s: %d repeated lines are ignored", path, len(table) - len(distinct))
    return distinct
