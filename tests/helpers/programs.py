"""Programs that stand in for others."""

from pathlib import Path


def write_program(path: Path, text: str) -> Path:
    """A file that can be run, in folders that are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path
