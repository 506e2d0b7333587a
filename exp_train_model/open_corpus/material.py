"""The training material of the data set OPEN."""

import copy
import dataclasses
import functools
import hashlib
from pathlib import Path

import torch

from exp_train_model.config import TrainConfig
from exp_train_model.open_corpus.batches import MixtureBatches
from exp_train_model.open_corpus.blocks import BLOCK_SCENES, Blocks
from exp_train_model.open_corpus.files import OpenFiles
from exp_train_model.open_corpus.level_effects import NO_EFFECTS, LevelEffects
from exp_train_model.open_corpus.mixtures import FORMAT, Mixtures
from exp_train_model.open_corpus.sound_bank import SoundBank
from exp_train_model.options import RunOptions
from exp_train_model.precision import choose_precision
from exp_train_model.teacher import prepare_teacher
from transcoder.classifiers import Classifier, load_classifier
from transcoder.errors import MissingFileError
from transcoder.fingerprint import fingerprint
from transcoder.models import TOKEN_MODELS

TO_MELS = LevelEffects(lacking_share=0.15, slow_share=0.15)
"""What sensors do to the levels of models that give Mels."""

TO_CLASSES = dataclasses.replace(TO_MELS, offset_db=3.0)
"""Models that give classes hear each chunk louder or softer, too: a sensor's calibration, and the
gain that a file was normalised with, are not known to a decibel."""


def open_mixtures(
    config: TrainConfig, options: RunOptions, device: torch.device
) -> tuple[MixtureBatches, str]:
    """Batches of endless mixtures for a training, and a mark of what they are mixed from.

    Raises
    ------
    MissingFileError
        If the bank of sounds is not there; the message names the command that makes it.
    """
    # blocks are computed on the CPU, in workers, whatever the training computes on
    teacher = load_classifier(config.classifier)
    blocks, mark = open_blocks(OpenFiles.of(options.data_path), teacher)
    distinct = options.distinct_mixtures
    batches = MixtureBatches(
        blocks,
        device,
        needs_mels=bool(config.mel_weight),
        seed=options.seed,
        distinct_blocks=None if distinct is None else max(1, distinct // BLOCK_SCENES),
        effects=_effects(config),
        num_workers=options.mixture_workers,
    )
    return batches, mark


def _effects(config: TrainConfig) -> LevelEffects:
    if config.model.model_type not in TOKEN_MODELS:
        return NO_EFFECTS
    return TO_CLASSES if config.model.predicts_classes else TO_MELS


def open_blocks(files: OpenFiles, teacher: Classifier) -> tuple[Blocks, str]:
    """The blocks of the train split, and a mark of their bank of sounds."""
    mark = bank_mark(files.bank, "train")
    teacher_mark = fingerprint(teacher.network)
    prepared = prepare_teacher(
        copy.deepcopy(teacher), choose_precision("fp32", torch.device("cpu"))
    )
    mixtures = functools.partial(_mixtures, files.bank, "train", 0)
    return Blocks(mixtures, f"train-{mark}", prepared, teacher_mark, files.blocks), mark


def bank_mark(bank: Path, split: str) -> str:
    """A mark of the sounds of a split and of how they are mixed."""
    listing = bank / f"{split}.csv"
    if not listing.is_file():
        raise MissingFileError(
            f"{listing} is missing; make the data set OPEN with: "
            f"python exp_train_model/create_open_dataset.py --output_path {bank.parent.parent}"
        )
    return hashlib.sha256(listing.read_bytes() + bytes([FORMAT])).hexdigest()[:12]


def _mixtures(bank: Path, split: str, seed: int) -> Mixtures:
    return Mixtures(SoundBank(bank, split), seed)
