"""Results of a long job on disk, part by part, so that a killed run goes on where it was.

A part is a ``.npz`` file of some arrays; it is absent or complete, whatever happens. In each is a
mark of the job that it belongs to, so that parts of two jobs are never joined. Whoever writes
parts holds the job's lock: `transcoder.locks.only_run`.
"""

import hashlib
import json
import logging
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from transcoder.errors import UserError
from transcoder.files import atomic_path

logger = logging.getLogger(__name__)

_MARK = "job"
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


class PartStore:
    """The parts of one job in a folder of their own.

    Parameters
    ----------
    folder
        Made if it is not there. Parts of other jobs, damaged ones, and what a killed run was
        writing are deleted.
    job
        Everything that the parts depend on, as values that JSON can hold.
    """

    def __init__(self, folder: Path, job: Mapping):
        self.folder = folder
        text = json.dumps(job, sort_keys=True)
        self._mark = hashlib.sha256(text.encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(".*"):
            path.unlink()  # see `atomic_path`
        n_others = 0
        for path in folder.glob("*.npz"):
            mark = self._mark_of(path)
            if mark != self._mark:
                path.unlink()
                n_others += mark is not None
        if n_others:
            logger.warning("%s: its parts belong to other settings; starting over", folder)

    def __contains__(self, name: str) -> bool:
        return self.path(name).is_file()

    def path(self, name: str) -> Path:
        """Where the part called ``name`` is, or will be."""
        return self.folder / f"{name}.npz"

    def write(self, name: str, arrays: Mapping[str, ArrayLike]) -> None:
        """Store a part; it appears when it is complete."""
        with atomic_path(self.path(name)) as temporary:
            np.savez(temporary, **{_MARK: np.array(self._mark)}, **arrays)

    def read(self, name: str, *arrays: str) -> dict[str, NDArray]:
        """The named arrays of a part, or all.

        Raises
        ------
        UserError
            If the part is damaged; then it is deleted, and the next run computes it again. Or if
            it has vanished, or become another job's.
        """
        path = self.path(name)
        try:
            with np.load(path, allow_pickle=False) as data:
                if str(data[_MARK]) != self._mark:
                    raise UserError(f"{path}: another run has replaced it; run again")
                wanted = arrays or [key for key in data.files if key != _MARK]
                return {key: data[key] for key in wanted}
        except FileNotFoundError:
            raise UserError(f"{path}: has vanished; run again, the rest is kept") from None
        except _UNREADABLE as error:
            path.unlink()
            raise UserError(f"{path}: was damaged ({error}); run again, the rest is kept") from None

    def forget(self, name: str) -> None:
        """Delete a part: the next run computes it again."""
        self.path(name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete all parts and the folder: what they were for is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _mark_of(self, path: Path) -> str | None:
        """Of the job that a part belongs to; None if it is damaged."""
        try:
            with np.load(path, allow_pickle=False) as data:
                return str(data[_MARK])
        except _UNREADABLE:
            return None
