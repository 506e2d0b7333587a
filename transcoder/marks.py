"""Marks of files' contents, to notice that something was made from others."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

_FILES_IN_MARK = 16


def file_mark(path: Path) -> str:
    """A mark of a file's content: 16 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def code_mark(*folders: Path) -> str:
    """A mark of the Python files in folders, that what they make is known by."""
    files = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def files_mark(paths: Sequence[Path]) -> str:
    """A mark of many files: of the contents of some, evenly spread; absent ones count as such."""
    step = max(1, -(-len(paths) // _FILES_IN_MARK))
    marks = [file_mark(path) if path.is_file() else "absent" for path in paths[::step]]
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()[:16]
