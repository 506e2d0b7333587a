"""A trained transcoder as model hubs keep it: a folder with config.json, weights and a card.

>>> from exporting.hub import HubTranscoder
>>> model = HubTranscoder.of(checkpoint)            # doctest: +SKIP
>>> model.save_pretrained("street")                 # doctest: +SKIP
>>> HubTranscoder.from_pretrained("street")(levels) # doctest: +SKIP

``push_to_hub("you/street")`` and ``from_pretrained("you/street")`` are huggingface_hub's; without
network only folders could be tried here.
"""

import json
import os
from pathlib import Path

import torch
from torch import Tensor, nn

from transcoder.checkpoints import load_checkpoint, model_settings, read_settings
from transcoder.errors import MissingFileError, UsageError, UserError
from transcoder.files import atomic_write_text
from transcoder.models import build_model
from transcoder.weights import load_state, load_strictly, save_state

try:
    from huggingface_hub import PyTorchModelHubMixin
except ImportError:
    raise MissingFileError(
        "folders for hubs need the package huggingface_hub: pip install 'spectral-transcoder[hub]' "
        "(in the project folder: pip install '.[hub]')"
    ) from None

_HINT = "a folder of a hub has model.safetensors beside its config.json"


class HubTranscoder(nn.Module, PyTorchModelHubMixin, library_name="spectral-transcoder"):
    """Levels ``(batch, 8, 29)`` dB to log-Mels, or to class probabilities.

    Parameters
    ----------
    name
        Of the checkpoint.
    table
        All that its YAML says; see `transcoder.checkpoints`. Both go to config.json.

    Raises
    ------
    UserError
        If the table does not describe a model, or (`from_pretrained`) the weights do not fit it.
    """

    def __init__(self, name: str, table: dict):
        super().__init__()
        self.name, self.table = name, table
        try:
            self.settings = model_settings(table)
        except (UsageError, TypeError, AttributeError) as error:
            raise UserError(f"config.json of {name}: {error}") from None
        self.model = build_model(self.settings)
        self.eval()

    @classmethod
    def of(cls, checkpoint: str | os.PathLike) -> "HubTranscoder":
        """The model of a checkpoint file and its YAML."""
        path = Path(checkpoint)
        model, _ = load_checkpoint(path)
        made = cls(path.name.removesuffix(".safetensors"), read_settings(path))
        made.model = model
        return made

    def forward(self, levels: Tensor) -> Tensor:
        return self.model(levels)

    def _state(self) -> dict[str, Tensor]:
        """The weights as files take them, in the precision that the YAML says."""
        dtype = getattr(torch, self.table.get("stored_as", "float32"))
        return {k: v.detach().cpu().to(dtype) for k, v in self.model.state_dict().items()}

    def _save_pretrained(self, save_directory: Path) -> None:
        from exporting.cards import card_of

        config = json.dumps({"name": self.name, "table": self.table}, indent=2, sort_keys=True)
        atomic_write_text(save_directory / "config.json", config + "\n")
        atomic_write_text(save_directory / "README.md", card_of(self.name, self.table))
        save_state(save_directory / "model.safetensors", self._state())

    @classmethod
    def _load_as_safetensor(cls, model, model_file, map_location, strict) -> "HubTranscoder":
        """As the mixin's, but strict, and spoilt weights are refused as everywhere here."""
        path = Path(model_file)
        load_strictly(model.model, load_state(path, missing_hint=_HINT), path)
        return model.to(map_location).eval()

    _load_as_pickle = _load_as_safetensor
