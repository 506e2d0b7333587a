"""The trained head: batched training against plain training, learning, and its files."""

import numpy as np
import pytest
import torch
from torch import nn

from exp_classif_eval import deep_head
from exp_classif_eval.deep_head import (
    HeadConfig,
    head_probabilities,
    load_heads,
    save_heads,
    train_heads,
)
from transcoder.errors import MissingFileError, UserError

N_FILES, N_INPUTS, N_CLASSES = 150, 40, 5
CONFIG = HeadConfig(hidden=12, epochs=4, learning_rate=1e-2, seed=3)
# of 32 files: 4 full batches, one batch and a bit, less than a batch
TRAIN_ROWS = [np.arange(0, 128), np.arange(100, 137), np.arange(30, 50)]


@pytest.fixture(scope="module")
def data():
    """Probabilities, and labels that they tell: class k is present where input k is large."""
    probs = np.random.default_rng(0).uniform(size=(N_FILES, N_INPUTS)).astype(np.float32)
    return probs, (probs[:, :N_CLASSES] > 0.5).astype(np.int8)


@pytest.fixture(scope="module")
def heads(data):
    return train_heads(*data, TRAIN_ROWS, CONFIG)


def plain_training(probs, labels, rows, seed):
    """The same head as torch's own layers, loss and loop make it, from the same random numbers."""
    generator = torch.Generator().manual_seed(seed)
    layers = nn.Linear(N_INPUTS, CONFIG.hidden), nn.Linear(CONFIG.hidden, N_CLASSES)
    start = deep_head.DeepHeads(1, N_INPUTS, N_CLASSES, CONFIG.hidden)
    deep_head._initialise(start, [generator])
    layers[0].load_state_dict({"weight": start.hidden_weight[0].T, "bias": start.hidden_bias[0, 0]})
    layers[1].load_state_dict({"weight": start.output_weight[0].T, "bias": start.output_bias[0, 0]})
    model = nn.Sequential(*layers, nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), lr=CONFIG.learning_rate)
    inputs, targets = torch.from_numpy(probs), torch.from_numpy(labels).float()
    for _ in range(CONFIG.epochs):
        order = rows[torch.randperm(len(rows), generator=generator).numpy()]
        for first in range(0, len(order), CONFIG.batch_size):
            batch = order[first : first + CONFIG.batch_size]
            optimizer.zero_grad()
            nn.BCELoss()(model(inputs[batch]), targets[batch]).backward()
            optimizer.step()
    return model(inputs).detach().numpy()


def test_batched_training_equals_plain_training_of_each_head(data, heads):
    everything = [np.arange(N_FILES)] * len(TRAIN_ROWS)
    batched = head_probabilities(heads, data[0], everything)
    for head, rows in enumerate(TRAIN_ROWS):
        plain = plain_training(*data, rows, CONFIG.seed + head)
        np.testing.assert_allclose(batched[head], plain, atol=1e-5)


def test_a_head_does_not_depend_on_the_others(data, heads):
    for head, rows in enumerate(TRAIN_ROWS):
        config = HeadConfig(hidden=12, epochs=4, learning_rate=1e-2, seed=CONFIG.seed + head)
        (alone,) = head_probabilities(train_heads(*data, [rows], config), data[0], [rows])
        together = head_probabilities(heads, data[0], [rows] * len(TRAIN_ROWS))[head]
        np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_same_seed_gives_the_same_head_and_another_does_not(data, heads):
    again = train_heads(*data, TRAIN_ROWS, CONFIG)
    assert torch.equal(again.hidden_weight, heads.hidden_weight)
    other = train_heads(*data, TRAIN_ROWS, HeadConfig(hidden=12, epochs=4, seed=99))
    assert not torch.allclose(other.hidden_weight, heads.hidden_weight)


def test_a_head_learns_what_the_labels_say(data):
    probs, labels = data
    rows, unseen = np.arange(120), np.arange(120, N_FILES)
    config = HeadConfig(epochs=200, learning_rate=1e-2)
    (learned,) = head_probabilities(train_heads(probs, labels, [rows], config), probs, [unseen])
    assert ((learned >= 0.5) == labels[unseen]).mean() > 0.9
    assert (learned >= 0).all() and (learned <= 1).all()


def test_forward_equals_head_probabilities(data, heads):
    inputs = torch.from_numpy(data[0]).expand(len(TRAIN_ROWS), -1, -1)
    together = heads(inputs).sigmoid().numpy()
    for head, rows in enumerate(TRAIN_ROWS):
        separate = head_probabilities(heads, data[0], TRAIN_ROWS)[head]
        np.testing.assert_allclose(together[head, rows], separate, atol=1e-6)


def test_saved_heads_come_back(data, heads, tmp_path):
    path = tmp_path / "heads.pth"
    save_heads(path, heads)
    back = load_heads(path)
    for name, tensor in heads.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor)


def test_files_that_hold_no_heads(tmp_path):
    with pytest.raises(MissingFileError, match="step train"):
        load_heads(tmp_path / "absent.pth")
    path = tmp_path / "heads.pth"
    path.write_bytes(b"half a file")
    with pytest.raises(UserError, match="holds no head: train it again"):
        load_heads(path)
    torch.save({"hidden_weight": print}, path)  # code is never loaded
    with pytest.raises(UserError, match="UnpicklingError"):
        load_heads(path)


def test_a_split_without_training_files(data):
    with pytest.raises(UserError, match="split 2 of 2 has no files"):
        train_heads(*data, [np.arange(10), np.arange(0)], CONFIG)
