"""Results of a long job on disk, part by part, so that a killed job goes on where it was."""

import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transcoder.files import atomic_path, atomic_write_text

logger = logging.getLogger(__name__)

_JOINED = 10


@dataclass(frozen=True, eq=False)
class Rows:
    """Results of neighbouring units.

    Attributes
    ----------
    times_s : (n,) float64, of the first frame of each unit
    coverage : (n,) float32, share of the unit that the archive has levels for
    segment : (n,) int64
    values : (n, k) float32 probabilities
    indices : (n, k) int16, which names they are of; (n, 0) if they are in the names' order
    """

    times_s: NDArray[np.float64]
    coverage: NDArray[np.float32]
    segment: NDArray[np.int64]
    values: NDArray[np.float32]
    indices: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.times_s)

    @property
    def chosen(self) -> NDArray[np.int16] | None:
        return self.indices if self.indices.shape[1] else None


class PartStore:
    """A folder of parts that belong to one job.

    The job is a table of everything that the results depend on. Parts of another job are deleted.
    """

    def __init__(self, folder: Path, job: dict):
        self._folder = folder
        self._job_path = folder / "job.json"
        if folder.exists() and not self._is_of(job):
            logger.warning("%s: its parts belong to other settings; starting over", folder)
            self.remove()
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._job_path.is_file():
            atomic_write_text(self._job_path, json.dumps(job, indent=1))
        self.count = 0
        while self._path(self.count).is_file():
            self.count += 1

    def append(self, rows: Rows) -> None:
        """Store the next part; it is either absent or complete, whatever happens."""
        with atomic_path(self._path(self.count)) as temporary, temporary.open("wb") as file:
            np.savez(file, **{field.name: getattr(rows, field.name) for field in fields(Rows)})
        self.count += 1

    def __iter__(self) -> Iterator[Rows]:
        """The results in order, several parts at a time: tables like longer pieces."""
        for start in range(0, self.count, _JOINED):
            numbers = range(start, min(start + _JOINED, self.count))
            parts = [self._load(number) for number in numbers]
            yield Rows(
                **{
                    field.name: np.concatenate([getattr(part, field.name) for part in parts])
                    for field in fields(Rows)
                }
            )

    def _load(self, number: int) -> Rows:
        with np.load(self._path(number), allow_pickle=False) as arrays:
            return Rows(**arrays)

    def remove(self) -> None:
        shutil.rmtree(self._folder)

    def _is_of(self, job: dict) -> bool:
        try:
            return json.loads(self._job_path.read_text(encoding="utf-8")) == job
        except (OSError, ValueError):
            return False

    def _path(self, number: int) -> Path:
        return self._folder / f"part_{number:06d}.npz"
