"""One way to open an archive of any format."""

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from itertools import chain
from pathlib import Path

from archives.frames import Archive, ArchiveError, Block
from archives.options import ReadOptions
from transcoder.doors import reading, why_no_file

_READERS = {
    "arrays.open_npy": (".npy",),
    "arrays.open_npz": (".npz",),
    "hdf5.open_hdf5": (".h5", ".hdf5"),
    "text_tables.open_text": (".csv", ".csv.gz", ".txt", ".tsv"),
    "typed_tables.open_xlsx": (".xlsx",),
    "typed_tables.open_parquet": (".parquet",),
    "json_records.open_json": (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".geojson"),
}
"""Which function of this package, imported when it is needed, reads files of which suffixes."""

SUFFIXES = tuple(chain.from_iterable(_READERS.values()))


def suffix_of(path: Path) -> str:
    """The suffix that gives the format, ".csv.gz" as one; "" if it is none of `SUFFIXES`."""
    name = path.name.lower()
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")


def open_archive(path: Path, options: ReadOptions | None = None) -> Archive:
    """Open a file of third-octave levels; its suffix gives the format.

    Raises
    ------
    ArchiveError
        If it is missing, damaged, or holds something else. Errors further inside are raised by
        ``blocks()``, where they are met.
    """
    why = why_no_file(path)
    if why is not None:
        raise ArchiveError(f"{path}: {why}")
    if not path.stat().st_size:
        raise ArchiveError(f"{path}: is empty")
    with _damage_reported(path):
        archive = _opened(path, options or ReadOptions())

    def blocks() -> Iterator[Block]:
        with _damage_reported(path):
            yield from archive.blocks()

    return replace(archive, blocks=blocks)


def _damage_reported(path: Path):
    """What readers do not foresee is damage too: a file must not end the run of the others."""
    return reading(path, f"cannot be read as {suffix_of(path)}", ArchiveError)


def _opened(path: Path, options: ReadOptions) -> Archive:
    suffix = suffix_of(path)
    for name, suffixes in _READERS.items():
        if suffix in suffixes:
            module, function = name.split(".")
            return getattr(import_module(f"archives.{module}"), function)(path, options)
    raise ArchiveError(f"{path}: unknown kind of file; known are {', '.join(SUFFIXES)}")
