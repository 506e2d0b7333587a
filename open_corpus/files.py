"""Where the data set OPEN lies; imports nothing heavy, for command lines."""

from dataclasses import dataclass
from pathlib import Path

from features.files import OPEN


@dataclass(frozen=True)
class OpenFiles:
    """Files of the data set OPEN below the folder of features."""

    folder: Path

    @classmethod
    def of(cls, data_path: Path) -> "OpenFiles":
        return cls(Path(data_path) / OPEN)

    @property
    def sources(self) -> Path:
        """Decoded recordings."""
        return self.folder / "sources"

    @property
    def bank(self) -> Path:
        """All sounds of each split: see `open_corpus.sound_bank`."""
        return self.folder / "bank"

    @property
    def blocks(self) -> Path:
        """Training blocks computed so far; may be deleted at any time."""
        return self.folder / "blocks"

    @property
    def sources_table(self) -> Path:
        """The recordings in the bank, with their licences."""
        return self.folder / "open_corpus_sources.csv"
