"""The chunks of a split in batches on the device that computes, as fast as memory allows."""

import logging
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Union

import torch
from torch import Tensor

from exp_train_model.training.losses import Batch
from features.reading import Features

if TYPE_CHECKING:  # takes a room along that most trainings do not enter
    from exp_train_model.training.mixture_batches import MixtureBatches

Batches = Union["ResidentBatches", "StreamedBatches", "MixtureBatches"]

LOG = logging.getLogger(__name__)

MEMORY_SHARE = 0.5
"""Data may take this share of the free GPU memory, or of the computer's memory."""


class ResidentBatches:
    """Batches of chunks held in the memory of the device, or in the computer's.

    Parameters
    ----------
    levels, mels, targets
        All chunks, as in `Batch`, on one device.
    device
        Where the batches are wanted; copies to it are asynchronous.
    """

    def __init__(
        self, levels: Tensor, mels: Tensor | None, targets: Tensor | None, device: torch.device
    ) -> None:
        self.held = (levels, mels, targets)
        self.device = device

    def __len__(self) -> int:
        """Number of chunks."""
        return len(self.held[0])

    def batches(
        self, batch_size: int, *, order: Tensor | None = None, start: int = 0
    ) -> Iterator[Batch]:
        """Chunks in ``order`` (or as stored), from batch ``start`` on, the last batch smaller."""
        if order is not None:
            order = order.to(self.held[0].device)
        for first in range(start * batch_size, len(self), batch_size):
            chunks = slice(first, first + batch_size)
            yield Batch(*(self._take(x, chunks if order is None else order[chunks])
                          for x in self.held))  # fmt: skip

    def _take(self, held: Tensor | None, chunks: slice | Tensor) -> Tensor | None:
        if held is None:
            return None
        part = held[chunks]
        if part.device != self.device:
            part = part.pin_memory().to(self.device, non_blocking=True)
        return part.float()  # they may be stored in half precision


class StreamedBatches:
    """Batches read from the features file by other processes, for data that memory cannot hold."""

    def __init__(
        self,
        features: Features,
        targets: Tensor | None,
        device: torch.device,
        *,
        needs_mels: bool,
        num_workers: int,
    ) -> None:
        self.items = _Items(features, targets, needs_mels)
        self.device = device
        self.num_workers = num_workers

    def __len__(self) -> int:
        """Number of chunks."""
        return len(self.items)

    def batches(
        self, batch_size: int, *, order: Tensor | None = None, start: int = 0
    ) -> Iterator[Batch]:
        """As `ResidentBatches.batches`."""
        order = torch.arange(len(self)) if order is None else order
        loader = torch.utils.data.DataLoader(
            self.items,
            batch_sampler=[part.tolist() for part in order.split(batch_size)[start:]],
            num_workers=self.num_workers,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # torch's own is the training's, which may go on here
        )
        for parts in loader:
            on_device = {k: x.to(self.device, non_blocking=True) for k, x in parts.items()}
            yield Batch(on_device["levels"], on_device.get("mels"), on_device.get("targets"))


class _Items(torch.utils.data.Dataset):
    """Chunks by number, as dictionaries that the loader can put together."""

    def __init__(self, features: Features, targets: Tensor | None, needs_mels: bool) -> None:
        self.features, self.targets, self.needs_mels = features, targets, needs_mels

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        levels, mels, _ = self.features[i]
        item = {"levels": levels}
        if self.needs_mels:
            item["mels"] = mels
        if self.targets is not None:
            item["targets"] = self.targets[i]
        return item


def make_batches(
    features: Features,
    targets: Tensor | None,
    device: torch.device,
    *,
    needs_mels: bool,
    num_workers: int,
) -> ResidentBatches | StreamedBatches:
    """Hold the chunks where they fit: in the device's memory, else the computer's, else nowhere."""
    size = features.held_bytes
    if device.type == "cuda" and size < MEMORY_SHARE * torch.cuda.mem_get_info(device)[0]:
        place = device
    elif size < MEMORY_SHARE * _physical_memory_bytes():
        place = torch.device("cpu")
    else:
        LOG.info("%.0f GB of features are read while training: memory is too small", size / 1e9)
        return StreamedBatches(
            features, targets, device, needs_mels=needs_mels, num_workers=num_workers
        )
    held = features.hold(place)
    return ResidentBatches(
        held.levels,
        held.mels if needs_mels else None,
        None if targets is None else targets.to(place),
        device,
    )


def epoch_batches(
    batches: Batches, batch_size: int, *, seed: int, epoch: int, start: int
) -> Iterator[Batch]:
    """The batches of a training epoch from number ``start`` on."""
    if not isinstance(batches, ResidentBatches | StreamedBatches):
        return batches.epoch(epoch, batch_size, start=start)
    order = epoch_order(len(batches), seed=seed, epoch=epoch)
    return batches.batches(batch_size, order=order, start=start)


def epoch_order(n_chunks: int, *, seed: int, epoch: int) -> Tensor:
    """The order of chunks in an epoch; the same for the same seed, wherever training began."""
    generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
    return torch.randperm(n_chunks, generator=generator)


def _physical_memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
