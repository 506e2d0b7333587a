"""A small disk of its own, to be filled to the last bytes."""

import os
import subprocess
from pathlib import Path

import pytest


class SmallDisk:
    """A file system of 20 MB at ``folder``."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._ballast = folder / ".ballast"

    def leave(self, n_bytes: int) -> None:
        """Fill the disk, but for about ``n_bytes``."""
        self._ballast.unlink(missing_ok=True)
        room = os.statvfs(self.folder)
        size = room.f_bavail * room.f_frsize - n_bytes
        with self._ballast.open("wb") as file:
            if size > 0:
                os.posix_fallocate(file.fileno(), 0, size)

    def files(self) -> dict[str, bytes]:
        """What lies on the disk, hidden files too."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path != self._ballast
        }


@pytest.fixture
def small_disk(tmp_path):
    """A `SmallDisk`; skips where this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no small file system can be mounted here")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
