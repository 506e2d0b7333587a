"""The data set OPEN of a few synthesised sounds and in tiny blocks, for quick tests."""

from exp_train_model.training import mixture_batches
from features.files import OPEN, SPLITS, split_path
from open_corpus import blocks, sound_bank
from open_corpus.blocks import write_scenes
from open_corpus.files import OpenFiles
from open_corpus.mixtures import Mixtures
from open_corpus.sound_bank import SoundBank, write_bank

BLOCK_CHUNKS = 4
EPOCH_BLOCKS = 6


def shrink(monkeypatch) -> None:
    """Renderings of a second, blocks of one scene, epochs of six blocks, shuffled in pairs."""
    monkeypatch.setattr(sound_bank, "RENDERING_S", 1.0)
    monkeypatch.setattr(blocks, "BLOCK_SCENES", 1)
    monkeypatch.setattr(mixture_batches, "BLOCK_SCENES", 1)
    monkeypatch.setattr(mixture_batches, "BLOCK_CHUNKS", BLOCK_CHUNKS)
    monkeypatch.setattr(mixture_batches, "EPOCH_BLOCKS", EPOCH_BLOCKS)
    monkeypatch.setattr(mixture_batches, "_SHUFFLED_BLOCKS", 2)


def write_open(folder, n_scenes: int = 3):
    """The data set in ``folder``: banks of synthesised sounds alone, and fixed scenes."""
    files = OpenFiles.of(folder)
    for split in SPLITS:
        write_bank(files, split, [], renderings=1, seed=0, workers=1)
        mixtures = Mixtures(SoundBank(files.bank, split), 0)
        write_scenes(split_path(folder, OPEN, split), mixtures, n_scenes)
    return folder
