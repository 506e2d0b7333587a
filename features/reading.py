"""Reading the paired features that create_mel_tho_dataset.py makes: levels in, Mels out."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor

from features.files import create_command, levels_name, mels_name, split_path
from transcoder.errors import MissingFileError, UserError
from transcoder.hdf5_files import own_dataset
from transcoder.names import DEMO
from transcoder.pinv import input_shape
from transcoder.settings import PANN, front_end

__all__ = ["Features", "HeldFeatures", "split_path"]

_ROWS_PER_READ = 1024


def stored_shape(classifier: str, input_type: str) -> tuple[int, int]:
    """Frames and bands of one row of `levels_name`.

    Third-octave bands at Mel rate are stored once for both classifiers, with PANN's frames.
    """
    frames, bands = input_shape(classifier, input_type)
    return (PANN.frames if input_type == "mel_time" else frames), bands


@dataclass(frozen=True)
class HeldFeatures:
    """A split in memory: ``levels (n, frames_in, bands)``, ``mels (n, frames, 64)``, ``scene``."""

    levels: Tensor
    mels: Tensor
    scene: Tensor  # (n,) int64

    def __len__(self) -> int:
        return len(self.scene)

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in (self.levels, self.mels, self.scene))


class Features(torch.utils.data.Dataset):
    """One split, for one classifier: ``[i] -> (levels, mels, scene)``.

    ``levels (frames_in, bands)`` and ``mels (frames, 64)`` are float32 tensors, ``scene`` is an
    int. The file is opened at the first access in each process, so that `DataLoader` workers do
    not share a handle.

    Parameters
    ----------
    path
        The file; see `features.files.split_path`.
    classifier
        "PANN" or "YamNet".

    Attributes
    ----------
    input_type : str
        What ``levels`` are: see `transcoder.pinv.Pinv`.
    level_shape, mel_shape : (frames, bands) of one row
    is_demo : bool, whether the sounds are DEMO's
    scenes : tuple of str, the scenes' names
    file_index : (n,) int64, which file a row comes from; its rows follow each other in time
    file_names : tuple of str

    Raises
    ------
    MissingFileError
        If the file is not there; names the command that makes it.
    UserError
        If the file is damaged or lacks this classifier's features.
    """

    def __init__(self, path: str | os.PathLike, classifier: str):
        self.path = Path(path)
        self.classifier = front_end(classifier).classifier
        self._file: h5py.File | None = None
        self._process: int | None = None
        if not self.path.is_file():
            raise MissingFileError(f"{self.path}: no such file; make it with: {self._command()}")
        with self._damage_reported():
            self._read_description()

    def __len__(self) -> int:
        return len(self.file_index)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        index = int(index) % len(self)
        file = self._open()
        with self._damage_reported():
            levels = file[self._levels_name][index, : self.level_shape[0]]
            mels = file[self._mels_name][index]
            if not (np.isfinite(levels).all() and np.isfinite(mels).all()):
                raise ValueError(f"row {index} is NaN or infinite")
        return (
            torch.from_numpy(levels).float(),
            torch.from_numpy(mels).float(),
            int(self._scene[index]),
        )

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_file": None}

    @property
    def held_bytes(self) -> int:
        """The memory that `hold` needs, in the type of the file."""
        values = np.prod(self.level_shape) + np.prod(self.mel_shape)
        return len(self) * (int(values) * self._dtype.itemsize + self._scene.itemsize)

    def hold(
        self, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
    ) -> HeldFeatures:
        """Load the whole split into RAM or GPU memory, as ``dtype`` or as it is stored."""
        return HeldFeatures(
            self._load(self._levels_name, self.level_shape, device, dtype),
            self._load(self._mels_name, self.mel_shape, device, dtype),
            torch.from_numpy(self._scene).to(device),
        )

    def _load(
        self,
        name: str,
        row_shape: tuple[int, int],
        device: str | torch.device,
        dtype: torch.dtype | None,
    ) -> Tensor:
        dtype = dtype or torch.from_numpy(np.empty(0, self._dtype)).dtype
        held = torch.empty((len(self), *row_shape), dtype=dtype, device=device)
        file = self._open()
        with self._damage_reported():
            for start in range(0, len(self), _ROWS_PER_READ):
                rows = file[name][start : start + _ROWS_PER_READ, : row_shape[0]]
                if not np.isfinite(rows).all():
                    raise ValueError(f"{name} is NaN or infinite after row {start}")
                held[start : start + len(rows)] = torch.from_numpy(rows)
        return held

    def _open(self) -> h5py.File:
        if self._file is None or self._process != os.getpid():
            with self._damage_reported():
                self._file = h5py.File(self.path, "r")
                for name in (self._levels_name, self._mels_name):
                    own_dataset(self._file, name)
            self._process = os.getpid()
        return self._file

    def _read_description(self) -> None:
        with h5py.File(self.path, "r") as file:
            self.input_type = str(file.attrs["input_type"])
            self.is_demo = file.attrs.get("sounds") == DEMO
            self.scenes = tuple(str(name) for name in file.attrs["scenes"])
            self.file_names = tuple(file["file_names"].asstr()[:])
            self.file_index = file["file_index"][:].astype(np.int64)
            self._scene = file["scene"][:].astype(np.int64)
            self._levels_name = levels_name(self.classifier, self.input_type)
            self._mels_name = mels_name(self.classifier)
            if self._mels_name not in file or self._levels_name not in file:
                raise UserError(
                    f"{self.path}: was made without the features of {self.classifier}; "
                    f"make them with: {self._command()} --overwrite"
                )
            self._dtype = file[self._mels_name].dtype
            self.level_shape = input_shape(self.classifier, self.input_type)
            self.mel_shape = (front_end(self.classifier).frames, front_end(self.classifier).n_mels)
            shapes = {
                self._levels_name: stored_shape(self.classifier, self.input_type),
                self._mels_name: self.mel_shape,
            }
            for name, row_shape in shapes.items():
                if file[name].shape != (len(self), *row_shape):
                    raise UserError(
                        f"{self.path}: {name} has shape {file[name].shape}, but transcoders need "
                        f"{(len(self), *row_shape)}; make it again with: "
                        f"{self._command()} --overwrite"
                    )

    def _command(self) -> str:
        return create_command(self.path.parent.name, self.path.parent.parent)

    @contextlib.contextmanager
    def _damage_reported(self) -> Iterator[None]:
        try:
            yield
        except MissingFileError:
            raise
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise UserError(
                f"{self.path}: is damaged or no feature file ({error}); make it again with: "
                f"{self._command()} --overwrite"
            ) from None
