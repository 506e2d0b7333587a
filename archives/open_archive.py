"""One way to open an archive of any format."""

from pathlib import Path

from archives.frames import Archive, ArchiveError
from archives.options import ReadOptions

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
    options = options or ReadOptions()
    if not path.is_file():
        raise ArchiveError(f"{path}: no such file")
    if not path.stat().st_size:
        raise ArchiveError(f"{path}: is empty")
    suffix = suffix_of(path)
    if suffix in _TEXT:
        from archives.text_tables import open_text

        return open_text(path, options)
    if suffix == ".parquet":
        from archives.tables import open_parquet

        return open_parquet(path, options)
    if suffix == ".xlsx":
        from archives.spreadsheets import open_xlsx

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
