"""Batches of a split: held in memory or read while training, the same ones."""

import pytest
import torch
from training_data import write_features

from exp_train_model.training import batches as batches_module
from exp_train_model.training.batches import StreamedBatches, epoch_order, make_batches
from features.files import split_path
from features.reading import Features

CPU = torch.device("cpu")


@pytest.fixture
def features(tmp_path):
    return Features(split_path(write_features(tmp_path, n_files=5), "TEST", "train"), "YamNet")


def test_batches_cover_all_chunks_once_with_a_smaller_last_one(features):
    held = make_batches(features, None, CPU, needs_mels=True, num_workers=0)
    order = epoch_order(len(held), seed=1, epoch=0)
    found = list(held.batches(4, order=order))
    assert [len(b) for b in found] == [4, 4, 2]
    assert torch.equal(torch.cat([b.levels for b in found]), held.held[0][order])
    rest = list(held.batches(4, order=order, start=1))
    assert torch.equal(rest[0].mels, found[1].mels) and len(rest) == 2


@pytest.mark.parametrize("num_workers", [0, 1])
def test_streamed_batches_equal_resident_ones(features, num_workers, monkeypatch):
    targets = torch.rand(len(features), 521)
    make = {"needs_mels": True, "num_workers": num_workers}
    resident = make_batches(features, targets, CPU, **make)
    monkeypatch.setattr(batches_module, "MEMORY_SHARE", 0)
    streamed = make_batches(features, targets, CPU, **make)
    assert isinstance(streamed, StreamedBatches) and not isinstance(resident, StreamedBatches)
    order = epoch_order(len(features), seed=0, epoch=2)
    pairs = zip(resident.batches(4, order=order, start=1),
                streamed.batches(4, order=order, start=1), strict=True)  # fmt: skip
    for a, b in pairs:
        for name in ("levels", "mels", "targets"):
            assert torch.equal(getattr(a, name), getattr(b, name))


def test_batches_leave_out_what_is_not_needed(features):
    held = make_batches(features, None, CPU, needs_mels=False, num_workers=0)
    batch = next(held.batches(4))
    assert batch.mels is None and batch.targets is None


def test_orders_differ_between_epochs_and_seeds():
    first = epoch_order(50, seed=0, epoch=0)
    assert torch.equal(first, epoch_order(50, seed=0, epoch=0))
    for other in (epoch_order(50, seed=0, epoch=1), epoch_order(50, seed=1, epoch=0)):
        assert not torch.equal(first, other)
        assert torch.equal(first.sort()[0], other.sort()[0])
