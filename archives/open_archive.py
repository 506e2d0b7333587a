"""One way to open an archive of any format."""

from dataclasses import dataclass
from pathlib import Path

from archives.frames import Archive, ArchiveError

SUFFIXES = (".npy", ".npz", ".h5", ".hdf5", ".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True)
class ReadOptions:
    """What the name of a file does not tell about it."""

    data_set: str = "fast_125ms"  # of .h5 and .npz
    time_column: str | None = None  # of tables; by default the one that is named like it
    time_format: str | None = None  # of strptime; by default ISO 8601 or numbers
    step_s: float | None = None  # from frame to frame, where there are no stamps; else 125 ms
    allow_slow: bool = False  # take steps of up to a second


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
    if suffix in (".csv", ".csv.gz", ".parquet"):
        from archives import tables

        opener = tables.open_parquet if suffix == ".parquet" else tables.open_csv
        return opener(path, options.time_column, options.time_format)
    from archives import arrays

    if suffix == ".npy":
        return arrays.open_npy(path)
    if suffix == ".npz":
        return arrays.open_npz(path, options.data_set)
    if suffix in (".h5", ".hdf5"):
        return arrays.open_hdf5(path, options.data_set)
    raise ArchiveError(f"{path}: unknown kind of file; known are {', '.join(SUFFIXES)}")
