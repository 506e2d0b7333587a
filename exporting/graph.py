"""The network that is exported: a transcoder and its classifier as one, levels in, classes out."""

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from transcoder.classifiers import Classifier
from transcoder.errors import UsageError
from transcoder.folding import fold_classifier
from transcoder.names import CLASS_METHODS
from transcoder.settings import THIRD_OCTAVE
from transcoder.texture import transcode
from transcoder.transcode import Transcoder

LEVELS, PLACES, CLASSES, MELS = "levels", "places", "classes", "mels"
"""What inputs and outputs are called."""


class LevelsToClasses(nn.Module):
    """Levels of seconds ``(n, 8, 29)`` dB to class probabilities ``(n, n_classes)``.

    Each second is answered by itself; `archives.inference.LevelClassifier` gives the same for
    units of a second.

    Parameters
    ----------
    found
        The transcoder.
    classifier
        What hears its Mels; None for a method of `CLASS_METHODS`.
    with_mels
        Whether log-Mels ``(n, frames, 64)`` are given too; of the first draw.
    draws
        How many Mels of a model with texture are heard; their probabilities are averaged.
    noise_s
        Seconds of noise that a model with texture takes along; see `StoredNoise`.

    Attributes
    ----------
    takes_places : whether `forward` wants to know when the seconds are
    """

    def __init__(
        self,
        found: Transcoder,
        classifier: Classifier | None,
        *,
        with_mels: bool = False,
        draws: int = 1,
        noise_s: int = 16,
    ):
        super().__init__()
        if with_mels and classifier is None:
            ways = " and ".join(CLASS_METHODS)
            raise UsageError(f"--mels: {ways} tells classes from levels without Mels")
        self.front_end = found.front_end
        self.model = copy.deepcopy(found.model).requires_grad_(False)
        self.draws = len(found.draws(draws))
        self.takes_places = getattr(self.model, "takes_places", False)
        if self.takes_places:
            self.model.noise = StoredNoise(self.model.noise, draws=self.draws, seconds=noise_s)
        self.classifier = None
        if classifier is not None:
            self.classifier = fold_classifier(copy.deepcopy(classifier))
        self.with_mels = with_mels
        self.eval()

    @property
    def input_names(self) -> list[str]:
        return [LEVELS, PLACES] if self.takes_places else [LEVELS]

    @property
    def output_names(self) -> list[str]:
        return [CLASSES, MELS] if self.with_mels else [CLASSES]

    def forward(self, levels: Tensor, places: Tensor | None = None) -> tuple[Tensor, ...]:
        """What is heard in seconds.

        Parameters
        ----------
        levels
            ``(n, 8, 29)`` float32 dB on the networks' scale.
        places
            ``(n,)`` int64, where the model has texture: which seconds these are, in whole seconds
            from any moment; they choose the noise.
        """
        if self.classifier is None:
            return (self.model(levels),)
        mels = [transcode(self.model, levels, places, draw) for draw in range(self.draws)]
        heard = self.classifier(torch.cat(mels))
        heard = heard.reshape(self.draws, -1, self.front_end.n_classes).mean(dim=0)
        return (heard, mels[0]) if self.with_mels else (heard,)

    def example(self, n: int = 3) -> tuple[Tensor, ...]:
        """Inputs of ``n`` seconds: steps and slopes between -80 and 20 dB, the same ones always."""
        generator = torch.Generator().manual_seed(0)
        shape = (n, THIRD_OCTAVE.frames_per_chunk, THIRD_OCTAVE.n_bands)
        slopes = torch.linspace(0, -30, shape[-1]) + 12 * torch.randn(n, 1, 1, generator=generator)
        levels = (slopes + 8 * torch.randn(shape, generator=generator)).clamp(-80, 20)
        return (levels, torch.arange(n)) if self.takes_places else (levels,)


class StoredNoise(nn.Module):
    """Takes the place of `transcoder.texture.Noise` where its generator cannot go along.

    Its Mels of the first seconds are kept, and come again and again: so long a recording hears the
    noise that the program gives it, and later seconds hear noise of the same kind.

    Parameters
    ----------
    draws, seconds
        How much is kept: ``(draws, seconds, frames, 64)``.
    """

    def __init__(self, noise: nn.Module, *, draws: int, seconds: int):
        super().__init__()
        mels = [noise(torch.arange(seconds), draw) for draw in range(draws)]
        self.register_buffer("mels", torch.stack(mels))

    def forward(self, places: Tensor, draw: int = 0) -> Tensor:
        return self.mels[draw][places.remainder(self.mels.shape[1])]


def exported_program(graph: LevelsToClasses) -> torch.export.ExportedProgram:
    """The graph as `torch.export` has it, for any number of seconds."""
    n = torch.export.Dim("n", min=1)
    shapes = {name: {0: n} for name in graph.input_names}
    return torch.export.export(graph, graph.example(), dynamic_shapes=shapes)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within, the talk of exporters and quantisers is not heard, but for errors."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
