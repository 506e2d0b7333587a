"""Parts of a network's work that run beside each other, as the tasks of an array job."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from transcoder.errors import UsageError
from transcoder.locks import only_run

_PATIENCE_S = 30  # all parts look at one lock as they start


def parse_shard(text: str) -> tuple[int, int]:
    """``--shard`` I/N as numbers; `UsageError` if it is none."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    number, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        raise UsageError(f"--shard is I/N, from 1/N to N/N, not {text!r}")
    return number, count


@contextlib.contextmanager
def only_fleet_run(output: Path, part: tuple[int, int] | None) -> Iterator[None]:
    """Let the block run while no other run writes the same: the whole network, or one part.

    Raises
    ------
    UserError
        If a run of the whole, or of the same part, is writing to ``output``; or, for the whole,
        one of any part.
    """
    whole = output / "reports"
    if part is None:
        with only_run(whole):
            for lock in output.glob(".part_*.lock"):
                with only_run(output / lock.stem[1:]):
                    pass
            yield
        return
    with only_run(output / f"part_{part[0]}_of_{part[1]}"):
        with only_run(whole, patience_s=_PATIENCE_S):
            pass
        yield
