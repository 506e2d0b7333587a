"""The folders that the experiments expect: where each member of an archive goes.

``TAU-urban-acoustic-scenes-2020-mobile-development/``
    ``audio/``, ``evaluation_setup/``, ``meta.csv``, as in the archives
``URBAN-SOUND-8K/``
    all clips flat in ``audio/``, ``metadata/UrbanSound8K_recalculated.csv``
``SONYC-UST/``
    all clips flat in ``audio/``, ``annotations.csv``
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sources import urbansound8k
from sources.unpack import Place
from transcoder.names import TAU_FOLDER


@dataclass(frozen=True)
class FolderLayout:
    """How a data set lies in its folder."""

    place: Place
    clip_tables: tuple[str, ...]  # each lists every clip; the first that is there is read
    delimiter: str
    clip_column: str  # base names or paths of the clips
    finish: Callable[[Path], None] | None = None  # what remains once archives are unpacked

    def is_complete(self, folder: Path) -> bool:
        """Whether every clip that the data set's own table names is in ``audio/``.

        Tells a folder that was unpacked by hand, and so has no markers, from an unfinished one.
        """
        table = next((folder / t for t in self.clip_tables if (folder / t).is_file()), None)
        if table is None or not (folder / "audio").is_dir():
            return False
        there = {path.name for path in (folder / "audio").iterdir()}
        named = set(self._clips(table))
        return bool(named) and named <= there

    def _clips(self, table: Path) -> Iterator[str]:
        with table.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter=self.delimiter):
                yield PurePosixPath(row.get(self.clip_column) or "").name


def is_hidden(member: PurePosixPath) -> bool:
    """Whether a dot-file, or in a dot-folder: left by the machines that packed the archives."""
    return any(part.startswith(".") for part in member.parts)


def without_top(member: PurePosixPath, top: str) -> PurePosixPath:
    """``member`` relative to the folder ``top`` that the whole archive is packed in, if it is."""
    return member.relative_to(top) if member.parts[0] == top else member


def _place_tau(member: PurePosixPath) -> PurePosixPath | None:
    if is_hidden(member):
        return None
    return without_top(member, TAU_FOLDER)


def _place_urbansound8k(member: PurePosixPath) -> PurePosixPath | None:
    if is_hidden(member):
        return None
    if member.suffix.lower() == ".wav":  # in ten fold folders; the names tell the fold too
        return PurePosixPath("audio", member.name)
    return without_top(member, "UrbanSound8K")


def _place_sonyc(member: PurePosixPath) -> PurePosixPath | None:
    if is_hidden(member) or member.suffix.lower() != ".wav":
        return None
    return PurePosixPath("audio", member.name)


LAYOUTS = {
    "TAU": FolderLayout(
        place=_place_tau, clip_tables=("meta.csv",), delimiter="\t", clip_column="filename"
    ),
    "URBAN-SOUND-8K": FolderLayout(
        place=_place_urbansound8k,
        clip_tables=(urbansound8k.ORIGINAL_TABLE, urbansound8k.RECALCULATED_TABLE),
        delimiter=",",
        clip_column="slice_file_name",
        finish=urbansound8k.write_recalculated,
    ),
    "SONYC-UST": FolderLayout(
        place=_place_sonyc,
        clip_tables=("annotations.csv",),
        delimiter=",",
        clip_column="audio_filename",
    ),
}
"""By the name of the source."""
