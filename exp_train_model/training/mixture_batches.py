"""Training batches of endless mixtures: other chunks in every epoch."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from exp_train_model.options import TrainingOptions
from exp_train_model.training.config import TrainConfig
from exp_train_model.training.losses import Batch
from open_corpus.blocks import BLOCK_CHUNKS, BLOCK_SCENES, Blocks, TrainingBlock, open_blocks
from open_corpus.files import OpenFiles
from open_corpus.level_effects import NO_EFFECTS, Drawn, LevelEffects, with_effects
from transcoder.classifiers import load_classifier
from transcoder.models import TOKEN_MODELS

EPOCH_BLOCKS = 100
"""An epoch of mixtures: 25,600 chunks, as there is no natural end."""

_SHUFFLED_BLOCKS = 20
"""So many blocks (5,120 chunks of 1,280 scenes) are shuffled together."""


TO_MELS = LevelEffects(lacking_share=0.15, slow_share=0.15)
"""What sensors do to the levels of models that give Mels."""

TO_CLASSES = dataclasses.replace(TO_MELS, offset_db=3.0)
"""Models that give classes hear each chunk louder or softer, too: a sensor's calibration, and the
gain that a file was normalised with, are not known to a decibel."""


@dataclass(frozen=True)
class MixtureBatches:
    """Batches of an epoch's blocks, in an order that seed and epoch give.

    Parameters
    ----------
    blocks
        Where they come from.
    device
        Where the batches are wanted.
    needs_mels
        Whether the loss looks at the true Mels.
    seed
        Of the order and of the effects.
    distinct_blocks
        Begin again with the first block after so many; None: never.
    effects
        What is done to the levels of each chunk, for models that have to bear it from sensors.
    num_workers
        Processes that compute blocks ahead; 0: none.
    """

    blocks: Blocks
    device: torch.device
    needs_mels: bool
    seed: int = 0
    distinct_blocks: int | None = None
    effects: LevelEffects = NO_EFFECTS
    num_workers: int = 0

    def __len__(self) -> int:
        """Chunks of an epoch."""
        return EPOCH_BLOCKS * BLOCK_CHUNKS

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Those of the first epoch."""
        return self.epoch(0, batch_size)

    def epoch(self, epoch: int, batch_size: int, *, start: int = 0) -> Iterator[Batch]:
        """Batches of an epoch from number ``start`` on."""
        group_chunks = _SHUFFLED_BLOCKS * BLOCK_CHUNKS
        per_group = -(-group_chunks // batch_size)
        first_group = start // per_group
        numbers = [
            self._number(epoch * EPOCH_BLOCKS + i)
            for i in range(first_group * _SHUFFLED_BLOCKS, EPOCH_BLOCKS)
        ]
        found = iter(self._loader(numbers))
        for group in range(first_group, EPOCH_BLOCKS // _SHUFFLED_BLOCKS):
            blocks = [next(found) for _ in range(_SHUFFLED_BLOCKS)]
            held = [torch.cat(parts) for parts in zip(*blocks, strict=True)]
            generator = torch.Generator().manual_seed(
                1_000_003 * self.seed + EPOCH_BLOCKS * epoch + group
            )
            shuffled = torch.randperm(group_chunks, generator=generator)
            drawn = self.effects.draw(group_chunks, generator)
            skipped = start - group * per_group if group == first_group else 0
            for number, rows in enumerate(shuffled.split(batch_size)):
                if number >= skipped:
                    yield self._batch(held, rows, drawn.rows(rows))

    def _number(self, number: int) -> int:
        return number if self.distinct_blocks is None else number % self.distinct_blocks

    def _loader(self, numbers: list[int]):
        return torch.utils.data.DataLoader(
            _Numbered(self.blocks, self.needs_mels),
            batch_size=None,
            sampler=numbers,
            num_workers=self.num_workers,
            generator=torch.Generator(),  # torch's own is the training's, which may go on here
        )

    def _batch(self, held: list[Tensor], rows: Tensor, drawn: Drawn) -> Batch:
        levels, mels, targets = (
            part[rows].to(self.device, non_blocking=True).float() if len(part) else None
            for part in held
        )
        drawn = Drawn(*(values.to(self.device) for values in drawn))
        return Batch(with_effects(levels, drawn), mels, targets)


class _Numbered(torch.utils.data.Dataset):
    """Blocks by number, as tensors that a worker can hand over."""

    def __init__(self, blocks: Blocks, needs_mels: bool):
        self._blocks, self._needs_mels = blocks, needs_mels

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        block: TrainingBlock = self._blocks.get(number, mels=self._needs_mels)
        mels = torch.empty(0) if block.mels is None else torch.from_numpy(block.mels)
        return torch.from_numpy(block.levels), mels, torch.from_numpy(block.targets)


def open_mixtures(
    config: TrainConfig, options: TrainingOptions, device: torch.device
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
