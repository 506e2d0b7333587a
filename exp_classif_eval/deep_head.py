"""The head trained on class probabilities (deep 1): two linear layers, one head for each split.

All heads, ten for UrbanSound8K's folds, are one model with a leading axis of heads: one matrix
product for all is faster than ten small ones. They share nothing: the loss is a sum
over heads, and Adam works on each weight alone, so that each head becomes what it would be alone.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from transcoder.errors import MissingFileError, UserError
from transcoder.weights import save_state


@dataclass(frozen=True)
class HeadConfig:
    """How heads are trained; the defaults are the published ones."""

    hidden: int = 100
    epochs: int = 30
    batch_size: int = 32
    learning_rate: float = 1e-3
    seed: int = 0


class DeepHeads(nn.Module):
    """Heads side by side: class probabilities of a classifier to a data set's classes.

    There is no activation between the two layers, as in the published system.
    """

    def __init__(self, n_heads: int, n_inputs: int, n_classes: int, hidden: int) -> None:
        super().__init__()
        self.hidden_weight = nn.Parameter(torch.empty(n_heads, n_inputs, hidden))
        self.hidden_bias = nn.Parameter(torch.empty(n_heads, 1, hidden))
        self.output_weight = nn.Parameter(torch.empty(n_heads, hidden, n_classes))
        self.output_bias = nn.Parameter(torch.empty(n_heads, 1, n_classes))

    @property
    def n_heads(self) -> int:
        return len(self.hidden_weight)

    def forward(self, probs: Tensor) -> Tensor:
        """``(n_heads, n_files, n_inputs)`` to logits ``(n_heads, n_files, n_classes)``."""
        hidden = torch.baddbmm(self.hidden_bias, probs, self.hidden_weight)
        return torch.baddbmm(self.output_bias, hidden, self.output_weight)


def train_heads(
    probs: ArrayLike,
    labels: ArrayLike,
    train_rows: Sequence[NDArray[np.int64]],
    config: HeadConfig = HeadConfig(),
    *,
    device: str | torch.device = "cpu",
    progress: bool = False,
) -> DeepHeads:
    """Train one head for each entry of ``train_rows`` with BCE and Adam.

    Parameters
    ----------
    probs
        Class probabilities ``(n_files, n_inputs)``.
    labels
        0 or 1, ``(n_files, n_classes)``.
    train_rows
        The files that each head learns from. Head i draws its weights and its batches from seed
        ``config.seed + i``, on the CPU: the device and the other heads do not change them.
    progress
        Show a progress bar.

    Raises
    ------
    UserError
        A head has nothing to learn from.
    """
    for head, rows in enumerate(train_rows):
        if len(rows) == 0:
            raise UserError(f"split {head + 1} of {len(train_rows)} has no files to train on")
    inputs = torch.as_tensor(np.asarray(probs, dtype=np.float32), device=device)
    targets = torch.as_tensor(np.asarray(labels, dtype=np.float32), device=device)
    heads = DeepHeads(len(train_rows), inputs.shape[1], targets.shape[1], config.hidden)
    generators = [torch.Generator().manual_seed(config.seed + i) for i in range(len(train_rows))]
    _initialise(heads, generators)
    batches = _all_batches(train_rows, generators, config)
    heads = heads.to(device)
    _descend(heads, inputs, targets, batches, config.learning_rate, progress=progress)
    return heads.requires_grad_(False)


def _descend(
    heads: DeepHeads,
    inputs: Tensor,
    targets: Tensor,
    batches: Tensor,
    learning_rate: float,
    *,
    progress: bool,
) -> None:
    """Take a step for each of ``batches (n_heads, n_steps, batch_size)``, all heads at once."""
    last_steps = (batches >= 0).any(dim=2).sum(dim=1) - 1  # of each head
    batches = batches.to(inputs.device)
    finished = [parameter.detach().clone() for parameter in heads.parameters()]
    optimizer = torch.optim.Adam(heads.parameters(), lr=learning_rate, fused=True)
    for step in tqdm(range(batches.shape[1]), unit="step", disable=not progress, leave=False):
        rows = batches[:, step]
        loss = _loss(heads(inputs[rows]), targets[rows], rows >= 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for head in torch.nonzero(last_steps == step).flatten().tolist():
            # other heads may have more files: momentum would carry this one on meanwhile
            for end, now in zip(finished, heads.parameters(), strict=True):
                end[head] = now.detach()[head]
    with torch.no_grad():
        for parameter, end in zip(heads.parameters(), finished, strict=True):
            parameter.copy_(end)


@torch.no_grad()
def head_probabilities(
    heads: DeepHeads, probs: ArrayLike, test_rows: Sequence[NDArray[np.int64]]
) -> list[NDArray[np.float32]]:
    """Class probabilities of each head for its own files: ``(len(rows), n_classes)`` each."""
    device = heads.hidden_weight.device
    inputs = torch.as_tensor(np.asarray(probs, dtype=np.float32), device=device)
    results = []
    for head, rows in enumerate(test_rows):
        hidden = inputs[torch.as_tensor(rows, device=device)] @ heads.hidden_weight[head]
        hidden += heads.hidden_bias[head]
        logits = hidden @ heads.output_weight[head] + heads.output_bias[head]
        results.append(logits.sigmoid().cpu().numpy())
    return results


def save_heads(path: str | Path, heads: DeepHeads) -> None:
    """Write the weights, complete or not at all."""
    save_state(path, {name: t.cpu() for name, t in heads.state_dict().items()})


def load_heads(path: str | Path) -> DeepHeads:
    """Read what `save_heads` wrote; a file that is absent or something else is a `UserError`."""
    again = "train it again with the step train"
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        n_heads, n_inputs, hidden = state["hidden_weight"].shape
        heads = DeepHeads(n_heads, n_inputs, state["output_weight"].shape[2], hidden)
        heads.load_state_dict(state)
        if not all(weight.isfinite().all() for weight in heads.parameters()):
            raise ValueError("weights are NaN or infinite")
    except FileNotFoundError:
        raise MissingFileError(f"{path} is missing: {again}") from None
    except Exception as error:  # torch, pickle and zipfile each have their own
        raise UserError(f"{path} holds no head: {again} ({type(error).__name__})") from error
    return heads.requires_grad_(False)


def _initialise(heads: DeepHeads, generators: Sequence[torch.Generator]) -> None:
    """Uniform within 1/sqrt(inputs), as torch.nn.Linear."""
    layers = ((heads.hidden_weight, heads.hidden_bias), (heads.output_weight, heads.output_bias))
    for weight, bias in layers:
        bound = weight.shape[1] ** -0.5
        for (head, generator), tensor in itertools.product(enumerate(generators), (weight, bias)):
            nn.init.uniform_(tensor[head], -bound, bound, generator=generator)


def _all_batches(
    train_rows: Sequence[NDArray[np.int64]],
    generators: Sequence[torch.Generator],
    config: HeadConfig,
) -> Tensor:
    """Rows of every batch, ``(n_heads, n_steps, batch_size)``; -1 fills what is not used."""
    batches = [
        torch.cat([_epoch_batches(rows, generator, config) for _ in range(config.epochs)])
        for rows, generator in zip(train_rows, generators, strict=True)
    ]
    return nn.utils.rnn.pad_sequence(batches, batch_first=True, padding_value=-1)


def _epoch_batches(
    rows: NDArray[np.int64], generator: torch.Generator, config: HeadConfig
) -> Tensor:
    """The rows shuffled, ``(n_batches, batch_size)``; -1 fills the last batch."""
    shuffled = torch.as_tensor(rows)[torch.randperm(len(rows), generator=generator)]
    missing = -len(rows) % config.batch_size
    return functional.pad(shuffled, (0, missing), value=-1).reshape(-1, config.batch_size)


def _loss(logits: Tensor, targets: Tensor, used: Tensor) -> Tensor:
    """Sum over heads of the mean BCE over the files that are ``used`` and the classes."""
    losses = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    losses = losses.mean(dim=2) * used
    return (losses.sum(dim=1) / used.sum(dim=1).clamp(min=1)).sum()
