"""UrbanSound8K's table with true durations.

The published table gives the start and end of each excerpt, which often differ from the length of
the file. Durations are therefore measured from the files.
"""

import contextlib
import csv
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from transcoder.errors import MissingFileError
from transcoder.files import atomic_write_text, csv_text
from transcoder.options import fetch_command

logger = logging.getLogger(__name__)

ORIGINAL_TABLE = "metadata/UrbanSound8K.csv"
RECALCULATED_TABLE = "metadata/UrbanSound8K_recalculated.csv"

_BYTES_PER_SAMPLE = {
    "PCM_U8": 1, "PCM_S8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8,
}  # fmt: skip
_BLOCK_FRAMES = 1 << 12
_THREADS = 8  # the work waits for the disk


def true_duration_s(path: Path) -> float | None:
    """Duration of an audio file in seconds; None if it cannot be read.

    The header is believed where the file is large enough to hold the samples it promises, as
    they are. Elsewhere (compressed or cut) the samples that can be decoded are counted.
    """
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            if file.subtype in _BYTES_PER_SAMPLE:
                data_bytes = file.frames * file.channels * _BYTES_PER_SAMPLE[file.subtype]
                if data_bytes < path.stat().st_size:
                    return file.frames / file.samplerate
            return _decodable_frames(file) / file.samplerate
    except soundfile.SoundFileError:
        return None


def _decodable_frames(file) -> int:
    import soundfile

    n_frames = 0
    with contextlib.suppress(soundfile.SoundFileError):  # the end of a cut file
        while n_read := len(file.read(_BLOCK_FRAMES)):
            n_frames += n_read
    return n_frames


def write_recalculated(folder: Path) -> None:
    """Write the table with a column ``duration`` in seconds, measured from the files.

    Clips that are missing or unreadable get an empty duration and are named in a warning. A table
    that is there is kept.

    Raises
    ------
    MissingFileError
        The original table is not in ``folder``.
    """
    from tqdm import tqdm

    original, recalculated = folder / ORIGINAL_TABLE, folder / RECALCULATED_TABLE
    if recalculated.exists():
        return
    if not original.exists():
        raise MissingFileError(
            f"{original} is missing; fetch it with: "
            f"{fetch_command('URBAN-SOUND-8K', folder.parent)}"
        )
    with original.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    paths = [folder / "audio" / row["slice_file_name"] for row in rows]
    with ThreadPoolExecutor(_THREADS) as threads:
        measured = threads.map(true_duration_s, paths)
        durations = list(
            tqdm(measured, desc="UrbanSound8K durations", total=len(rows), unit="clip")
        )
    unreadable = [path.name for path, d in zip(paths, durations, strict=True) if d is None]
    if unreadable:
        logger.warning("no duration, as missing or unreadable: %s", ", ".join(unreadable))
    told = ("" if duration is None else f"{duration:.6f}" for duration in durations)
    table = [{**row, "duration": text} for row, text in zip(rows, told, strict=True)]
    atomic_write_text(recalculated, csv_text(list(table[0]), (row.values() for row in table)))
