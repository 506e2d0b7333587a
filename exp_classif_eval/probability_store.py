"""Writing and reading the HDF5 files of class probabilities; see `probability_files`.

Results are kept in parts of some files each (`transcoder.parts`); when all are there they are
joined into the HDF5 file, which appears when it is complete. So a run can be killed at any moment,
and another one goes on where it was.
"""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from exp_classif_eval.probability_files import create_command
from transcoder.checkpoints import provenance
from transcoder.doors import reading
from transcoder.errors import MissingFileError, UserError
from transcoder.hdf5_files import own_dataset, written_hdf5
from transcoder.parts import PartStore

_TEXT = h5py.string_dtype("utf-8")
PROBLEMS = "problems"
"""In a part: why a file has no probabilities, empty for the others; beside the chains' arrays."""


@dataclass(frozen=True)
class Sounds:
    """The sound files of a data set, and how they are sampled."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]  # in bytes
    folder: Path
    sampling: str  # of probability_files.SAMPLINGS
    mark: str = ""  # of their contents


class ProbabilityStore:
    """The HDF5 file at ``path`` for ``sounds``, and the folder of a run that has not ended yet."""

    def __init__(self, path: Path, sounds: Sounds) -> None:
        self.path = path
        self.sounds = sounds
        self.unfinished = path.with_name(f"{path.stem}.parts")

    def remove(self) -> None:
        """Remove the file and the parts."""
        self.path.unlink(missing_ok=True)
        shutil.rmtree(self.unfinished, ignore_errors=True)

    def parts(self, origins: Mapping[str, Mapping[str, str]], files_per_part: int) -> PartStore:
        """The parts of a run that computes the chains of ``origins``."""
        sounds = [self.sounds.names, self.sounds.sizes, self.sounds.mark, self.sounds.sampling]
        job = {"sounds": sounds, "origins": origins, "files_per_part": files_per_part}
        return PartStore(self.unfinished, job)

    def origins(self) -> dict[str, dict[str, str]]:
        """The chains that the file has, and their attributes; empty without a file.

        Raises `UserError` if the file was made of other sounds.
        """
        if not self.path.is_file():
            return {}
        with open_probabilities(self.path, create_command(self.path)) as file:
            self._check(file)
            return {
                f"{classifier}/{transcoder}": {k: str(v) for k, v in dataset.attrs.items()}
                for classifier, group in file.items()
                if isinstance(group, h5py.Group)
                for transcoder, dataset in group.items()
            }

    def _check(self, file: h5py.File) -> None:
        again = "give another --output_path, or --overwrite to make it anew"
        if file.attrs["sampling"] != self.sounds.sampling:
            raise UserError(
                f"{self.path}: was made with {file.attrs['sampling']} sampling, not "
                f"{self.sounds.sampling}: {again}"
            )
        theirs = set(zip(file["files"].asstr()[:], file["size_bytes"][:].tolist(), strict=True))
        ours = set(zip(self.sounds.names, self.sounds.sizes, strict=True))
        if theirs == ours and file.attrs.get("sounds", "") != self.sounds.mark:
            raise UserError(
                f"{self.path}: was made of other sounds than those of the same names in "
                f"{self.sounds.folder} now: {again}"
            )
        if theirs != ours:
            raise UserError(
                f"{self.path}: was made of other files, those of {file.attrs['folder']} then: "
                f"{len(ours - theirs)} of {self.sounds.folder} are not among them, or changed, "
                f"and {len(theirs - ours)} are not here: {again}"
            )

    def join(
        self, parts: Iterable[dict[str, NDArray]], origins: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Make the file of all parts, and of the chains in an older file that they do not have."""
        with written_hdf5(self.path) as file:
            self._describe(file)
            n_files = len(self.sounds.names)
            problems = file.create_dataset("problem", (n_files,), dtype=_TEXT)
            first = 0
            for part in parts:
                of_part = part.pop(PROBLEMS)
                rows = slice(first, first + len(of_part))
                problems[rows] = of_part.astype(object)
                for name, probs in part.items():
                    dataset = file.require_dataset(name, (n_files, probs.shape[1]), np.float32)
                    dataset[rows] = probs
                file.check()
                first = rows.stop
            file["done"] = np.array([not problem for problem in problems.asstr()[:]])
            for name, origin in origins.items():
                file[name].attrs.update(origin)
            self._copy_older_chains(file)

    def _describe(self, file: h5py.File) -> None:
        file.attrs.update(
            {
                "folder": str(self.sounds.folder.absolute()),
                "sampling": self.sounds.sampling,
                "sounds": self.sounds.mark,
                **provenance(),
            }
        )
        file.create_dataset("files", data=list(self.sounds.names), dtype=_TEXT)
        file["size_bytes"] = np.array(self.sounds.sizes, dtype=np.int64)

    def _copy_older_chains(self, file: h5py.File) -> None:
        for name in self.origins():
            if name not in file:
                with h5py.File(self.path, "r") as older:
                    older.copy(name, file, name)


def open_probabilities(path: Path, command: str) -> h5py.File:
    """Open a file for reading; errors name the command that makes it."""
    if not path.is_file():
        raise MissingFileError(f"{path} is missing; make it with: {command}")
    with _damage_reported(path, command):
        file = h5py.File(path, "r")
        if "files" in file and "sampling" in file.attrs:
            return file
        file.close()
    raise UserError(f"{path}: holds no class probabilities; remove it, then: {command}")


def _damage_reported(path: Path, command: str):
    return reading(path, f"is damaged; make it again with: {command} --overwrite")


@dataclass(frozen=True, eq=False)
class StoredProbabilities:
    """What `read_probabilities` gives; files with problems are left out."""

    names: tuple[str, ...]
    values: NDArray[np.float32]  # (n_files, n_classes)
    origin: dict[str, str]  # the weights they were computed with, and the sampling


def read_probabilities(
    path: Path, classifier: str, transcoder: str, command: str = ""
) -> StoredProbabilities:
    """The class probabilities of one classifier behind one transcoder.

    ``command`` makes the file, for messages; by default `create_command`.

    Raises
    ------
    MissingFileError
        If the file is not there, or has nothing for this classifier and transcoder.
    UserError
        If it is damaged.
    """
    command = command or create_command(path)
    with open_probabilities(path, command) as file, _damage_reported(path, command):
        name = f"{classifier}/{transcoder}"
        if name not in file:
            raise MissingFileError(
                f"{path}: has no probabilities of {classifier} for transcoder={transcoder}; add "
                f"them with: {command} --classifier {classifier} "
                f"--transcoder {transcoder}"
            )
        done = own_dataset(file, "done")[:]
        origin = {key: str(value) for key, value in file[name].attrs.items()}
        origin["sampling"] = str(file.attrs["sampling"])
        names = tuple(file["files"].asstr()[:][done])
        values = own_dataset(file, name)[:][done]
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds what are no probabilities")
        return StoredProbabilities(names, values, origin)


def read_problems(path: Path) -> tuple[dict[str, str], int]:
    """The files without probabilities and why; and the number of all files."""
    command = create_command(path)
    with open_probabilities(path, command) as file, _damage_reported(path, command):
        pairs = list(zip(file["files"].asstr()[:], file["problem"].asstr()[:], strict=True))
        return {name: problem for name, problem in pairs if problem}, len(pairs)
