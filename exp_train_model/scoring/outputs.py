"""What models say about a split: stored, one HDF5 file for each, read, and scored.

- ``probabilities`` ``(n, n_classes)`` float32, one row for each 1-s chunk
- ``mels`` ``(n, frames, 64)`` float32, the Mels behind them; not for models without Mels, nor for
  the oracle's training splits, whose Mels are those of the feature files
- ``file_index`` ``(n,)``, ``file_names``: which recording a chunk comes from
- attributes ``data`` and ``teacher``: marks of the features and of the classifier's weights;
  ``teacher_name``: which classifier that was, for readers; ``mode``, if it was not evaluation mode
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor

from exp_train_model.jobs import ScoringJob, StoredFile
from features.reading import Features
from transcoder.errors import MissingFileError, UserError
from transcoder.files import atomic_save_array, atomic_write_text
from transcoder.hdf5_files import open_hdf5, written_hdf5
from transcoder.metrics import READABLE_NAMES, file_metrics, top_labels
from transcoder.settings import front_end

_CHUNKS_IN_MARK = 16


def data_mark(features: Features) -> str:
    """A mark that tells data sets apart: files, number of chunks, and some chunks' content."""
    digest = hashlib.sha256("\n".join(features.file_names).encode())
    digest.update(features.file_index.tobytes())
    for i in np.linspace(0, len(features) - 1, _CHUNKS_IN_MARK).astype(int):
        levels, mels, _ = features[i]
        digest.update(levels.numpy().tobytes() + mels.numpy().tobytes())
    return digest.hexdigest()[:16]


def write_outputs(
    path: Path,
    predictions: Iterable[tuple[Tensor | None, Tensor]],
    features: Features,
    *,
    marks: dict[str, str],
) -> None:
    """Write batches of Mels (or None) and probabilities, in the order of ``features``."""
    n_chunks, end = len(features), front_end(features.classifier)
    with written_hdf5(path, need_bytes=4 * n_chunks * end.n_classes) as file:
        probabilities = file.create_dataset("probabilities", (n_chunks, end.n_classes), "float32")
        file["file_index"] = features.file_index
        file["file_names"] = list(features.file_names)
        file.attrs.update(marks)
        first = 0
        for mels, probs in predictions:
            chunks = slice(first, first + len(probs))
            probabilities[chunks] = probs.float().cpu().numpy()
            if mels is not None:
                stored = file.require_dataset(
                    "mels", (n_chunks, end.frames, end.n_mels), "float32", exact=True
                )
                stored[chunks] = mels.float().cpu().numpy()
            file.check()
            first = chunks.stop


def open_outputs(stored: StoredFile) -> h5py.File:
    """Open a file of `write_outputs`; errors name the command that makes it.

    Raises
    ------
    MissingFileError, UserError
        If it is not there or cannot be read.
    """
    path = stored.path
    if not path.is_file():
        raise MissingFileError(f"{path} is missing; make it with: {stored.command}")
    try:
        return open_hdf5(path)
    except UserError as error:
        raise UserError(f"{error}; make it again with: {stored.command}") from None


def read_targets(stored: StoredFile, features: Features, *, teacher_mark: str) -> Tensor:
    """The teacher's probabilities for all chunks of ``features``: ``(n, n_classes)``.

    Parameters
    ----------
    teacher_mark
        Of the weights that the targets must come from.

    Raises
    ------
    MissingFileError
        If the oracle step has not left them.
    UserError
        If they were made of other data or by a teacher with other weights.
    """
    with open_outputs(stored) as file:
        for what, mark in (("data", data_mark(features)), ("teacher", teacher_mark)):
            if file.attrs.get(what) != mark:
                of = "another state of the data set" if what == "data" else "other teacher weights"
                raise UserError(
                    f"{stored.path}: was made with {of}; make it again with: {stored.command}"
                )
        return torch.from_numpy(file["probabilities"][:])


def score(job: ScoringJob) -> None:
    """Write each metric's values, the top classes of each recording, and a table of means."""
    with open_outputs(job.oracle) as true, open_outputs(job.outputs) as model:
        _, chunks_per_file = np.unique(true["file_index"][:], return_counts=True)
        has_mels = "mels" in model
        values = file_metrics(
            true["probabilities"],
            model["probabilities"],
            true["mels"] if has_mels else None,
            model["mels"] if has_mels else None,
            classifier=job.classifier,
            chunks_per_file=chunks_per_file,
        )
        labels = top_labels(
            model["probabilities"],
            classifier=job.classifier,
            chunks_per_file=chunks_per_file,
        )
    for name, array in (values | labels).items():
        atomic_save_array(job.metric_file(name), array)
    rows = [f"{READABLE_NAMES[k]},{k},{x.mean():.9g},{x.std():.9g}" for k, x in values.items()]
    header = "name,published_name,mean,standard_deviation"
    atomic_write_text(job.scores, "\n".join([header, *rows]) + "\n")
