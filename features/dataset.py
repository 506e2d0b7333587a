"""A feature data set as a whole: its folder, its settings, what is done and what is left."""

import csv
import hashlib
import os
import shutil
from collections.abc import Collection, Iterable
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path

import pandas as pd
import yaml

from doce_plans.records import differences
from features.clips import FeatureConfig
from features.files import SPLITS, split_path
from features.splits import SplitConfig, split_table
from features.writing import (
    Problem,
    Shard,
    compute_shards,
    join_shards,
    plan_shards,
    shard_problems,
)
from transcoder.errors import MissingFileError, UserError
from transcoder.files import atomic_write_text, csv_text, remove_temporary
from transcoder.locks import only_run
from transcoder.marks import files_mark
from transcoder.options import fetch_command
from transcoder.parts import PartStore
from transcoder.yaml_files import parse_yaml, read_yaml


@dataclass(frozen=True)
class DatasetConfig:
    """What is in a feature data set."""

    name: str
    splits: SplitConfig
    features: FeatureConfig
    is_demo: bool = False  # DEMO's sounds, no recordings


@dataclass(frozen=True)
class DatasetFiles:
    """Where a data set's files lie: all but the settings in ``<data_path>/<name>/``."""

    folder: Path
    splits: tuple[Path, ...]  # the feature files, in the order of SPLITS
    split_table: Path
    problems: Path
    shards: Path  # folder of what is computed so far; removed at the end
    settings: Path

    @classmethod
    def of(
        cls,
        data_path: str | os.PathLike,
        name: str,
        settings_path: str | os.PathLike | None = None,
    ) -> "DatasetFiles":
        folder = Path(data_path) / name
        return cls(
            folder=folder,
            splits=tuple(split_path(data_path, name, split) for split in SPLITS),
            split_table=folder / f"{name}_splits.csv",
            problems=folder / f"{name}_problems.csv",
            shards=folder / f"{name}_shards.part",
            settings=Path(settings_path or folder) / f"{name}_settings.yaml",
        )

    @property
    def complete(self) -> bool:
        return all(path.exists() for path in (*self.splits, self.split_table, self.problems))

    @property
    def begun(self) -> bool:
        return any(path.exists() for path in (*self.splits, self.shards))

    def remove(self) -> None:
        """Remove the data set; the settings last, so that a killed removal can go on."""
        for path in (*self.splits, self.split_table, self.problems):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.shards, ignore_errors=True)
        self.settings.unlink(missing_ok=True)


def create_dataset(
    audio_path: str | os.PathLike,
    files: DatasetFiles,
    config: DatasetConfig,
    *,
    workers: int = 1,
    strict: bool = False,
    overwrite: bool = False,
) -> tuple[list[Problem], bool]:
    """Make what is missing of a feature data set.

    Parameters
    ----------
    audio_path
        The folder of a TAU-like data set; see `features.splits`.
    files, config
        Where the data set lies, and what is in it.
    workers
        Threads; the result does not depend on their number.
    strict
        Clips that cannot be used are an error; otherwise they are left out.
    overwrite
        Remove a data set with the same name first.

    Returns
    -------
    problems : clips that were left out, or are odd
    was_complete : whether there was nothing to do

    Raises
    ------
    UserError
        If the data set exists with other settings, another run is making it, the sounds are not
        there, the disk is full, or a clip cannot be used and ``strict`` is set.
    """
    table = split_table(audio_path, config.splits)
    _require_folder((Path(audio_path) / table.filename[0]).parent, Path(audio_path))
    with only_run(files.folder / config.name):
        remove_temporary(*files.splits, files.split_table, files.problems, files.settings)
        if overwrite:
            files.remove()
        was_complete = files.complete
        _Making(Path(audio_path), files, config, table, workers, strict).complete()
    problems = _read_problems(files.problems)
    if strict:
        _check_strict(problems, "the data set was made without them; mend them and use --overwrite")
    return problems, was_complete


def _require_folder(clips: Path, audio_path: Path) -> None:
    if not clips.is_dir():
        raise MissingFileError(
            f"{clips}: no such folder, so no clip is there; fetch the data set with: "
            f"{fetch_command('TAU', audio_path.parent)}"
        )


@dataclass(frozen=True, eq=False)
class _Making:
    """A run that makes a data set, under its lock."""

    audio_path: Path
    files: DatasetFiles
    config: DatasetConfig
    table: pd.DataFrame
    workers: int
    strict: bool

    def complete(self) -> None:
        """Make what is not there, unless it is of other settings."""
        files, text = self.files, self.table.to_csv(index=False, lineterminator="\n")
        settings_text, without_skipped = (
            _settings_text(self.config, text, self._sounds_mark(leave_out))
            for leave_out in (frozenset(), _to_be_mended(files))
        )
        _check_settings(files, settings_text, without_skipped)
        try:
            if not files.complete:
                atomic_write_text(files.settings, settings_text)
                atomic_write_text(files.split_table, text)
                self._make(text)
            shutil.rmtree(files.shards, ignore_errors=True)
        except OSError as error:
            raise UserError(
                f"{files.folder}: cannot be written: {error}; mend this and run again, what is "
                "done is kept"
            ) from error

    def _make(self, table_text: str) -> None:
        features, files = self.config.features, self.files
        job = {"features": asdict(features), "clips": _digest(table_text)}
        store = PartStore(files.shards, job)
        shards = plan_shards(self.table)
        compute_shards(store, shards, self.audio_path, features, self.workers)
        problems = shard_problems(store, shards)
        _write_problems(files.problems, problems)
        if self.strict:
            _forget_skipped(store, shards, problems)
            sounds = self._sounds_mark(_skipped(problems))
            atomic_write_text(files.settings, _settings_text(self.config, table_text, sounds))
            _check_strict(problems, "mend or remove them and run again, what is done is kept")
        scenes, is_demo = sorted(self.table.scene_label.unique()), self.config.is_demo
        for split, path in zip(SPLITS, files.splits, strict=True):
            if not path.exists():
                of_split = [shard for shard in shards if shard.split == split]
                join_shards(path, store, of_split, features, scenes, is_demo=is_demo)

    def _sounds_mark(self, leave_out: Collection[str]) -> str:
        """A mark of the clips, but for those that are to be mended."""
        names = self.table.filename
        return files_mark([self.audio_path / name for name in names if name not in leave_out])


def _settings_text(config: DatasetConfig, table_text: str, sounds: str) -> str:
    """The settings as YAML; no paths, so that a data set can be moved."""
    settings = {
        "dataset_name": config.name,
        "splits": asdict(config.splits),
        "features": asdict(config.features),
        "split_table_sha256": _digest(table_text),
        "sounds": sounds,
    }
    return yaml.safe_dump(_plain(settings), sort_keys=False)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value):
    """Tuples as lists, which safe YAML can hold."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _skipped(problems: Iterable[Problem]) -> set[str]:
    return {problem.filename for problem in problems if problem.skipped}


def _to_be_mended(files: DatasetFiles) -> set[str]:
    """Clips that ended an earlier run with ``strict``: they may have changed since."""
    if files.complete or not files.problems.exists():
        return set()
    return _skipped(_read_problems(files.problems))


def _check_settings(files: DatasetFiles, settings_text: str, without_skipped: str) -> None:
    if not files.begun:
        return
    if not files.settings.exists():
        raise UserError(
            f"{files.folder} holds a data set, but its settings {files.settings} are missing: "
            "give its --setting_data_path, or replace it with --overwrite"
        )
    found = files.settings.read_text(encoding="utf-8")
    if found not in (settings_text, without_skipped):
        old, new = read_yaml(files.settings), parse_yaml(settings_text)
        raise UserError(
            f"{files.folder} was made with other settings ({', '.join(differences(old, new))}): "
            "choose another --dataset_name, or replace it with --overwrite"
        )


def _forget_skipped(store: PartStore, shards: list[Shard], problems: list[Problem]) -> None:
    """Let the next run try the skipped clips again."""
    skipped = _skipped(problems)
    for shard in shards:
        if skipped.intersection(shard.filenames):
            store.forget(shard.name)


def _check_strict(problems: list[Problem], remedy: str) -> None:
    skipped = [problem for problem in problems if problem.skipped]
    if skipped:
        lines = "".join(f"\n  {problem.filename}: {problem.reason}" for problem in skipped)
        raise UserError(f"{len(skipped)} clips cannot be used ({remedy}):{lines}")


def _write_problems(path: Path, problems: list[Problem]) -> None:
    header = [field.name for field in fields(Problem)]
    atomic_write_text(path, csv_text(header, map(astuple, problems)))


def _read_problems(path: Path) -> list[Problem]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Problem(row["filename"], row["split"], row["skipped"] == "True", row["reason"])
            for row in csv.DictReader(file)
        ]
