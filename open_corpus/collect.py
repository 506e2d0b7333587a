"""From the table of packages to recordings on disk, split into train, valid and eval."""

from pathlib import Path

from open_corpus.fetch import fetch_all
from open_corpus.selection import CorpusRecording, decode_all, pick
from open_corpus.table import read_table
from transcoder.errors import UserError


def collect(
    table: Path, packages: Path, store: Path, *, seed: int, workers: int
) -> tuple[list[tuple[CorpusRecording, str]], list[str]]:
    """Fetch the packages of ``table`` and decode what is wanted of them into ``store``.

    Returns
    -------
    sources : recordings with their splits
    problems : packages that could not be had, and why

    Raises
    ------
    UserError
        If there is no package at all.
    """
    wanted = read_table(table)
    archives, problems = fetch_all(wanted, packages)
    if not archives:
        raise UserError(f"no package could be fetched: {problems[0]}")
    return pick(decode_all(archives, wanted, store, workers=workers), seed), problems
