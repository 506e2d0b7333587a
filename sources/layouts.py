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
from transcoder.names import TAU_FOLDER


@dataclass(frozen=True)
class FolderLayout:
    """How a data set lies in its folder."""

    clip_tables: tuple[str, ...]  # each lists every clip; the first that is there is read
    clip_column: str  # base names or paths of the clips
    delimiter: str = ","
    is_flat: bool = False  # all clips go straight into audio/
    top: str | None = None  # the folder that the archive is packed in; None: only clips are wanted
    finish: Callable[[Path], None] | None = None  # what remains once archives are unpacked

    def place(self, member: PurePosixPath) -> PurePosixPath | None:
        """Where a member of an archive goes in the folder; None leaves it out."""
        if any(part.startswith(".") for part in member.parts):
            return None  # left by the machines that packed the archives
        if self.is_flat and member.suffix.lower() == ".wav":
            return PurePosixPath("audio", member.name)
        if self.top is None:
            return None
        return member.relative_to(self.top) if member.parts[:1] == (self.top,) else member

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


LAYOUTS = {
    "TAU": FolderLayout(
        top=TAU_FOLDER, clip_tables=("meta.csv",), delimiter="\t", clip_column="filename"
    ),
    "URBAN-SOUND-8K": FolderLayout(
        top="UrbanSound8K",
        is_flat=True,  # from ten fold folders; the names tell the fold too
        clip_tables=(urbansound8k.ORIGINAL_TABLE, urbansound8k.RECALCULATED_TABLE),
        clip_column="slice_file_name",
        finish=urbansound8k.write_recalculated,
    ),
    "SONYC-UST": FolderLayout(
        is_flat=True, clip_tables=("annotations.csv",), clip_column="audio_filename"
    ),
}
"""By the name of the source."""
