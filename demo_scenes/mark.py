"""How to tell DEMO's sounds from recordings; imports nothing heavy."""

from pathlib import Path

FOLDER = "DEMO"
MARK = "DEMO.txt"
TEXT = """\
The sounds in this folder were made by rule (demo_scenes), they are no recordings: features and
scores of them bear the name DEMO, and say nothing about how good a method is.
"""


def is_demo_folder(folder: Path) -> bool:
    """Whether the data set in ``folder`` is one of DEMO's, wherever it was moved to."""
    return (folder / MARK).is_file() or folder.absolute().parent.name == FOLDER
