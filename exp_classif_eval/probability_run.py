"""From the sound files of a data set to the HDF5 file of their class probabilities."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from exp_classif_eval.decoding import Decoded, decode_all
from exp_classif_eval.probabilities import Inference
from exp_classif_eval.probability_store import PROBLEMS, ProbabilityStore, Sounds
from transcoder.marks import files_mark

FILES_PER_PART = 128
"""What a killed run computes again, at most."""

_SUFFIXES = {".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff"}


def find_sounds(folder: Path, *, sampling: str) -> Sounds:
    """The sound files in ``folder`` by name; ``sampling`` is one of `SAMPLINGS`."""
    # hidden files are being written, or belong to the system
    paths = sorted(
        path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")
    )
    names = tuple(path.name for path in paths)
    sizes = tuple(path.stat().st_size for path in paths)
    return Sounds(names, sizes, folder, sampling, files_mark(paths))


def compute(
    store: ProbabilityStore, inference: Inference, *, workers: int, verbose: bool = False
) -> None:
    """Compute the parts that are not there yet, then make the file.

    ``workers`` threads decode ahead; ``verbose`` prints the classes of each file.
    """
    sounds = store.sounds
    origins = {chain.name: chain.origin for chain in inference.chains}
    parts = store.parts(origins, FILES_PER_PART)
    starts = range(0, len(sounds.names), FILES_PER_PART)
    planned = {f"{i:06d}": sounds.names[n : n + FILES_PER_PART] for i, n in enumerate(starts)}
    missing = {part: names for part, names in planned.items() if part not in parts}
    paths = [sounds.folder / name for names in missing.values() for name in names]
    recordings = decode_all(
        paths,
        inference.rates,
        workers=workers,
        published_sampling=inference.published_sampling,
    )
    n_files = len(sounds.names)
    n_done = n_files - len(paths)
    with tqdm(total=n_files, initial=n_done, unit="file", desc="Class probabilities") as progress:
        for part_name, names in missing.items():
            own = _counted(itertools.islice(recordings, len(names)), progress)
            part = _part(inference, own, [sounds.folder / name for name in names])
            parts.write(part_name, part)
            if verbose:
                tqdm.write(_top_classes(inference, names, part))
    store.join(map(parts.read, planned), origins)
    parts.remove()


def _part(
    inference: Inference, recordings: Iterator[Decoded], paths: list[Path]
) -> dict[str, NDArray]:
    """Probabilities by chain, and under `PROBLEMS` why files have none."""
    probabilities, errors = inference.compute(recordings)
    reasons = [
        "" if error is None else str(error).removeprefix(f"{path}: ")
        for path, error in zip(paths, errors, strict=True)
    ]
    return {PROBLEMS: np.array(reasons, dtype=str), **probabilities}


def _counted(recordings: Iterator[Decoded], progress: tqdm) -> Iterator[Decoded]:
    for recording in recordings:
        yield recording
        progress.update()


def _top_classes(inference: Inference, names: Sequence[str], part: dict[str, NDArray]) -> str:
    import torch

    lines = []
    for row, name in enumerate(names):
        problem = part[PROBLEMS][row]
        lines.append(f"{name}: {problem}" if problem else name)
        for chain in inference.chains if not problem else ():
            top = chain.classifier.top(torch.from_numpy(part[chain.name][row]))
            lines.append(f"  {chain.name}: " + ", ".join(f"{label} {p:.2f}" for label, p in top))
    return "\n".join(lines)
