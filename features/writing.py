"""From a split table to its feature files: in parallel, in bounded memory, resumable.

The clips are computed in shards of a few files, which `transcoder.parts` keeps. A shard depends on
nothing but its clips: whoever computed it, in whichever run, its bytes are the same. When all are
there they are joined into one HDF5 file for each split. So the result depends neither on runs that
were killed nor on the number of workers.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from features.clips import (
    CLIP_DURATION_S,
    Extractor,
    FeatureConfig,
    clip_features,
    extractors,
    row_shapes,
)
from features.files import SPLITS
from transcoder.audio import AudioError
from transcoder.errors import UserError
from transcoder.files import FullDiskError, check_room
from transcoder.hdf5_files import WrittenFile, written_hdf5
from transcoder.names import DEMO
from transcoder.parts import PartStore

CLIPS_PER_SHARD = 8


@dataclass(frozen=True)
class Problem:
    """A clip that cannot be used, or is used but odd."""

    filename: str
    split: str
    skipped: bool
    reason: str


@dataclass(frozen=True)
class Shard:
    """A few neighbouring clips of one split; ``name`` is that of their part."""

    name: str
    split: str
    filenames: tuple[str, ...]
    scenes: tuple[int, ...]


def plan_shards(table: pd.DataFrame) -> list[Shard]:
    """Cut the splits of a split table into shards, in its order."""
    shards = []
    for split in SPLITS:
        rows = table[table.split == split]
        for start in range(0, len(rows), CLIPS_PER_SHARD):
            part = rows[start : start + CLIPS_PER_SHARD]
            name = f"{split}_{start:07d}"
            shards.append(Shard(name, split, tuple(part.filename), tuple(part.scene)))
    return shards


def compute_shards(
    store: PartStore, shards: list[Shard], audio_folder: Path, config: FeatureConfig, workers: int
) -> None:
    """Compute the shards that are not there yet.

    The workers are threads: decoding, resampling and the transforms release Python's lock, and
    processes would each load torch into memory.
    """
    missing = [shard for shard in shards if shard.name not in store]
    if not missing:
        return
    functions = extractors(config)
    _check_disk(store, shards, row_shapes(functions), config)
    progress = tqdm(
        total=sum(len(shard.filenames) for shard in shards),
        initial=sum(len(shard.filenames) for shard in shards if shard.name in store),
        desc="Computing features",
        unit="clip",
    )
    with progress, _one_torch_thread(), ThreadPoolExecutor(workers) as pool:
        jobs = {
            pool.submit(_compute_shard, store, shard, audio_folder, functions, config.dtype): shard
            for shard in missing
        }
        try:
            for job in as_completed(jobs):
                job.result()
                progress.update(len(jobs[job].filenames))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def shard_problems(store: PartStore, shards: list[Shard]) -> list[Problem]:
    """What was odd about the clips, in the order of the split table."""
    problems = []
    for shard in shards:
        data = store.read(shard.name, "seconds", "notes")
        problems += [
            Problem(filename, shard.split, bool(seconds == 0), str(note))
            for filename, seconds, note in zip(
                shard.filenames, data["seconds"], data["notes"], strict=True
            )
            if note
        ]
    return problems


def join_shards(
    path: Path,
    store: PartStore,
    shards: list[Shard],
    config: FeatureConfig,
    scene_names: list[str],
    *,
    is_demo: bool = False,
) -> None:
    """Write a split's HDF5 file from its shards; see `features.files`.

    Raises
    ------
    UserError
        If none of the clips could be used.
    """
    seconds = np.concatenate([store.read(shard.name, "seconds")["seconds"] for shard in shards])
    scenes = np.concatenate([shard.scenes for shard in shards])
    filenames = np.array([name.encode() for shard in shards for name in shard.filenames])
    used = seconds > 0
    if not used.any():
        raise UserError(f"{path.name}: none of the {len(filenames)} clips of this split is usable")
    rows_of_files = seconds[used]
    # no times in the file: the same features give the same bytes
    with written_hdf5(path) as file:
        file.attrs["input_type"] = config.input_type
        file.attrs["scenes"] = scene_names
        if is_demo:
            file.attrs["sounds"] = DEMO
        _add(file, "scene", np.repeat(scenes[used], rows_of_files).astype(np.int32))
        index = np.repeat(np.arange(len(rows_of_files)), rows_of_files).astype(np.int32)
        _add(file, "file_index", index)
        names = filenames[used]
        text = h5py.string_dtype("utf-8", names.dtype.itemsize)
        _add(file, "file_names", names.astype(text))
        _add_features(file, path.name, store, shards, len(index))


def _compute_shard(
    store: PartStore, shard: Shard, audio_folder: Path, functions: dict[str, Extractor], dtype: str
) -> None:
    seconds, notes, features = [], [], []
    for filename in shard.filenames:
        path = audio_folder / filename
        try:
            clip, note = clip_features(path, functions)
        except AudioError as error:
            seconds.append(0)
            notes.append(str(error).removeprefix(f"{path}: "))
            continue
        features.append({name: array.astype(dtype) for name, array in clip.items()})
        seconds.append(len(next(iter(clip.values()))))
        notes.append(note)
    joined = {
        name: np.concatenate([clip[name] for clip in features]) for name in functions if features
    }
    store.write(shard.name, {"seconds": seconds, "notes": notes, **joined})


def _add(file: WrittenFile, name: str, data: np.ndarray) -> None:
    file.create_dataset(name, data=data, track_times=False)


def _add_features(
    file: WrittenFile, desc: str, store: PartStore, shards: list[Shard], n_rows: int
) -> None:
    """Copy the features, one HDF5 chunk for each row, so that reading one row reads no other."""
    row = 0
    for shard in tqdm(shards, desc=f"Writing {desc}", unit="shard", leave=False):
        data = store.read(shard.name)
        del data["notes"]
        n_new = int(data.pop("seconds").sum())
        for name, array in data.items():
            if name not in file:
                shape = array.shape[1:]
                file.create_dataset(
                    name, (n_rows, *shape), array.dtype, chunks=(1, *shape), track_times=False
                )
            file[name][row : row + n_new] = array
        row += n_new
        file.check()


def _check_disk(
    store: PartStore, shards: list[Shard], shapes: dict[str, tuple[int, ...]], config: FeatureConfig
) -> None:
    """Shards and feature files need their space at the same time."""
    row_bytes = sum(int(np.prod(s)) for s in shapes.values()) * np.dtype(config.dtype).itemsize
    clips = sum(len(shard.filenames) for shard in shards)
    folder = store.folder
    present = sum(store.path(s.name).stat().st_size for s in shards if s.name in store)
    needed = 2 * clips * CLIP_DURATION_S * row_bytes - present
    try:
        check_room(folder, needed)
    except FullDiskError as error:
        raise FullDiskError(f"{error}; --dtype float16 takes half of it") from None


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
