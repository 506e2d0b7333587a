"""From the sound files of a data set to the HDF5 file of their class probabilities."""

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from exp_classif_eval.decoding import Decoded, decode_all
from exp_classif_eval.probabilities import Inference
from exp_classif_eval.probability_store import Part, ProbabilityStore, Sounds
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
    starts = range(0, len(sounds.names), FILES_PER_PART)
    origins = {chain.name: chain.origin for chain in inference.chains}
    mark = _mark(sounds, origins)
    parts = [(i, sounds.names[start : start + FILES_PER_PART]) for i, start in enumerate(starts)]
    missing = [(i, names) for i, names in parts if store.part(i, mark) is None]
    n_done = len(sounds.names) - sum(len(names) for _, names in missing)
    paths = [sounds.folder / name for _, names in missing for name in names]
    recordings = decode_all(
        paths,
        inference.rates,
        workers=workers,
        published_sampling=inference.published_sampling,
    )
    with tqdm(
        total=len(sounds.names), initial=n_done, unit="file", desc="Class probabilities"
    ) as progress:
        for number, names in missing:
            own = _counted(itertools.islice(recordings, len(names)), progress)
            part = _part(inference, own, [sounds.folder / name for name in names])
            store.write_part(number, mark, part)
            if verbose:
                tqdm.write(_top_classes(inference, names, part))
    store.join(len(parts), mark, origins)


def _part(inference: Inference, recordings: Iterator[Decoded], paths: list[Path]) -> Part:
    probabilities, errors = inference.compute(recordings)
    reasons = [
        "" if error is None else str(error).removeprefix(f"{path}: ")
        for path, error in zip(paths, errors, strict=True)
    ]
    return Part(probabilities, reasons)


def _counted(recordings: Iterator[Decoded], progress: tqdm) -> Iterator[Decoded]:
    for recording in recordings:
        yield recording
        progress.update()


def _mark(sounds: Sounds, origins: Mapping[str, Mapping[str, str]]) -> str:
    """Tells parts of this run from those of another."""
    what = [sounds.names, sounds.sizes, sounds.mark, sounds.sampling, origins, FILES_PER_PART]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


def _top_classes(inference: Inference, names: Sequence[str], part: Part) -> str:
    import torch

    lines = []
    for row, name in enumerate(names):
        problem = part.problems[row]
        lines.append(f"{name}: {problem}" if problem else name)
        for chain in inference.chains if not problem else ():
            top = chain.classifier.top(torch.from_numpy(part.probabilities[chain.name][row]))
            lines.append(f"  {chain.name}: " + ", ".join(f"{label} {p:.2f}" for label, p in top))
    return "\n".join(lines)
