"""A mark of what a folder holds, to compare the results of runs: times and versions left out."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np

_DECOYS = (".log", ".png")  # with times and versions in them, or drawn from what is compared
_TIMINGS = ("duration",)  # names of files
_STATE = re.compile(r"reproduce_\w+\.json")  # what is done, with marks of when files were changed
_OF_THE_TIME = (
    b"date",
    b"started",
    b"time of all",
    b"peak memory",
    b"peak_memory",
    b"git commit",
    b"git_commit",
    b"seconds",
    b"modified_ns",
    b"duration",
)  # words of lines
_OF_A_STEP = re.compile(rb'[\d.]+ s, [\d.]+ MB|"(done|skipped)"(>\w+)?')  # of reproduce.py


def content(folder: Path) -> str:
    """A mark of all the files in ``folder``, but for what tells the time; locks count."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        is_timing = any(word in path.name for word in _TIMINGS)
        if path.is_file() and path.suffix not in _DECOYS and not is_timing:
            digest.update(str(path.relative_to(folder)).encode())
            digest.update(_content_of(path))
    return digest.hexdigest()


def _content_of(path: Path) -> bytes:
    if path.suffix == ".h5":
        return _of_hdf5(path)
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return b"".join(name.encode() + arrays[name].tobytes() for name in arrays.files)
    if path.name.endswith("_model"):
        import torch

        state = torch.load(path, weights_only=True)
        return b"".join(name.encode() + value.numpy().tobytes() for name, value in state.items())
    if path.suffix == ".wav":  # the header of one with floats tells when it was written
        import soundfile

        return soundfile.read(path)[0].tobytes()
    if path.suffix in (".parquet", ".npy"):
        return path.read_bytes()
    if _STATE.fullmatch(path.name):
        return json.dumps(list(json.loads(path.read_bytes()))).encode()
    lines = _OF_A_STEP.sub(b"", path.read_bytes()).splitlines()
    return b"\n".join(line for line in lines if not any(word in line for word in _OF_THE_TIME))


def _of_hdf5(path: Path) -> bytes:
    import h5py

    parts: list[bytes] = []
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                parts.append(name.encode() + np.asarray(item[()]).tobytes())
                if isinstance(item, h5py.Dataset) and item.dtype.kind != "O"
                else None
            )
        )
    return b"".join(parts)
