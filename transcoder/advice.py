"""Commands that messages advise: complete, with the paths that the user gave.

Imports nothing heavy.
"""

import os
import shlex
from pathlib import Path

from transcoder.files import WORK_ROOT


def option(name: str, value: str | os.PathLike, usual: str | os.PathLike) -> str:
    """`` --name value`` to be put behind a command; empty where it is the usual value."""
    same = Path(value).absolute() == Path(usual).absolute()
    return "" if same else f" --{name} {shlex.quote(str(value))}"


def fetch_command(dataset: str, folder: str | os.PathLike = WORK_ROOT) -> str:
    """What fetches a data set, named as in download_datasets.py, into ``folder``."""
    return f"python download_datasets.py -l {dataset}{option('output', folder, WORK_ROOT)}"
