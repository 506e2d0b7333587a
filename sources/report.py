"""What is there of the files of the table: ``--list`` and ``--verify``."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from sources.checksums import ChecksumError, verify
from sources.collection import Failure, unpacked_sources
from sources.part_file import part_path
from sources.table import RemoteFile, Source
from sources.unpack import damaged_files, is_unpacked, read_marker


def state(file: RemoteFile, output: Path, complete: set[Source]) -> str:
    """One or two words on ``file``; ``complete`` as `collection.unpacked_sources` gives it."""
    target = file.path(output)
    part = part_path(target)
    if file.is_archive and is_unpacked(target):
        return "unpacked, archive kept" if target.exists() else "unpacked"
    if file.is_archive and file.source in complete:
        return "unpacked by hand"
    if target.exists():
        right_size = file.size is None or target.stat().st_size == file.size
        return "there" if right_size else "there, WRONG SIZE"
    if part.exists():
        return f"part, {part.stat().st_size / file.about_size:.0%}"
    return "missing"


def listing(files: list[RemoteFile], output: Path) -> Iterator[str]:
    """Lines for people: each source with licence and purpose, each file with size and state."""
    complete = unpacked_sources(files, output)
    for source, group in groupby(files, key=lambda file: file.source):
        members = list(group)
        number = "1 file" if len(members) == 1 else f"{len(members)} files"
        folder = source.root(output) / source.folder
        yield f"{source.name}: {number}, {human_size(members)}, into {folder}"
        yield f"  for:     {source.purpose}"
        yield f"  licence: {source.licence}"
        yield f"  from:    {source.page}"
        for file in members:
            size = f"{file.about_size:,} B"
            if file.size is None:
                size = f"about {size}, no exact size published"
            yield (
                f"  {state(file, output, complete):<22}  {file.name}  "
                f"({size}, {file.checksum.algorithm} {file.checksum.value})"
            )
        yield ""


def human_size(files: list[RemoteFile]) -> str:
    """Size of ``files`` together, as "27.4 GB" or "about 0.3 GB"."""
    about = "" if all(file.size is not None for file in files) else "about "
    return f"{about}{sum(file.about_size for file in files) / 1e9:.3g} GB"


def verify_all(files: list[RemoteFile], output: Path) -> tuple[int, list[str], list[Failure]]:
    """Compare what is there with the published checksums.

    An unpacked archive is verified by the CRC-32 of each of its files, noted when it was unpacked.

    Returns
    -------
    Number of verified files of the table, names of those that could not be verified as they are
    not there, and the ones that are wrong.
    """
    from tqdm import tqdm

    n_right, missing, wrong = 0, [], []
    with tqdm(desc="verifying", unit="B", unit_scale=True) as bar:
        for file in files:
            target = file.path(output)
            if not target.exists() and read_marker(target) is None:
                missing.append(file.name)
                continue
            failure = _failure_of(file, target, bar.update)
            n_right += failure is None
            wrong += [failure] if failure else []
    return n_right, missing, wrong


def _failure_of(file: RemoteFile, target: Path, advance) -> Failure | None:
    if target.exists():
        try:
            verify(target, file.size, file.checksum, advance)
        except ChecksumError as error:
            return Failure(file.name, f"{target}: {error}")
    damaged = damaged_files(target, advance) if file.is_archive else []
    if damaged:
        more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        return Failure(
            file.name,
            f"{target.parent / damaged[0]}{more} missing or changed since it was unpacked: remove "
            "it and run this command without --verify to have it fetched again",
        )
    return None
