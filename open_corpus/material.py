"""The blocks of the data set OPEN, and a mark of what they are mixed from."""

import copy
import functools
import hashlib
from pathlib import Path

from open_corpus.blocks import Blocks
from open_corpus.files import OpenFiles
from open_corpus.mixtures import FORMAT, Mixtures
from open_corpus.sound_bank import SoundBank
from transcoder.classifiers import Classifier
from transcoder.errors import MissingFileError
from transcoder.fingerprint import fingerprint
from transcoder.folding import fold_classifier


def open_blocks(files: OpenFiles, teacher: Classifier) -> tuple[Blocks, str]:
    """The blocks of the train split, and a mark of their bank of sounds."""
    mark = bank_mark(files.bank, "train")
    teacher_mark = fingerprint(teacher.network)
    prepared = fold_classifier(copy.deepcopy(teacher))
    mixtures = functools.partial(_mixtures, files.bank, "train", 0)
    return Blocks(mixtures, f"train-{mark}", prepared, teacher_mark, files.blocks), mark


def bank_mark(bank: Path, split: str) -> str:
    """A mark of the sounds of a split and of how they are mixed."""
    listing = bank / f"{split}.csv"
    if not listing.is_file():
        raise MissingFileError(
            f"{listing} is missing; make the data set OPEN with: "
            f"python open_corpus/create_open_dataset.py --output_path {bank.parent.parent}"
        )
    return hashlib.sha256(listing.read_bytes() + bytes([FORMAT])).hexdigest()[:12]


def _mixtures(bank: Path, split: str, seed: int) -> Mixtures:
    return Mixtures(SoundBank(bank, split), seed)
