"""One way to open an archive of any format."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from archives.frames import Archive, ArchiveError, Block
from archives.options import ReadOptions
from transcoder.doors import reading, why_no_file

SUFFIXES = (
    ".npy", ".npz", ".h5", ".hdf5", ".csv", ".csv.gz", ".txt", ".tsv", ".xlsx", ".parquet",
    ".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".geojson",
)  # fmt: skip
_TEXT = (".csv", ".csv.gz", ".txt", ".tsv")


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
    if suffix in _TEXT:
        from archives.text_tables import open_text

        return open_text(path, options)
    if suffix == ".parquet":
        from archives.typed_tables import open_parquet

        return open_parquet(path, options)
    if suffix == ".xlsx":
        from archives.typed_tables import open_xlsx

        return open_xlsx(path, options)
    if suffix.startswith((".json", ".ndjson", ".geojson")):
        from archives.json_records import open_json

        return open_json(path, options)
    from archives import arrays

    if suffix == ".npy":
        return arrays.open_npy(path)
    if suffix == ".npz":
        return arrays.open_npz(path, options.data_set)
    if suffix in (".h5", ".hdf5"):
        from archives.hdf5 import open_hdf5

        return open_hdf5(path, options)
    raise ArchiveError(f"{path}: unknown kind of file; known are {', '.join(SUFFIXES)}")
