"""Trained transcoders on disk: a state dict and, beside it, a YAML file of settings.

The format is the published one: ``<name>`` (a plain state dict) and ``<name>_settings.yaml``. The
weights may be ``<name>.safetensors`` as well.
Our YAML adds a ``provenance`` entry: what is needed to trace the model.
"""

import datetime
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

import torch
import yaml
from torch import nn

import transcoder
from transcoder.errors import MissingFileError, UsageError, UserError
from transcoder.files import atomic_write_text
from transcoder.models import SETTING_NAMES, ModelSettings, build_model
from transcoder.programs import IS_CHECKOUT, PROJECT_ROOT
from transcoder.settings import front_end
from transcoder.weights import SAFETENSORS, load_state, load_strictly, save_state
from transcoder.yaml_files import read_yaml
from yamnet.network import shape_of

SETTINGS_SUFFIX = "_settings.yaml"

FETCH_HINT = (
    "fetch the published ones with: python download_pretrained_models.py --only transcoders"
)


def settings_path(path: str | os.PathLike) -> Path:
    """The YAML file that belongs to a checkpoint, whatever its format."""
    path = Path(path)
    return path.with_name(path.name.removesuffix(SAFETENSORS) + SETTINGS_SUFFIX)


def read_settings(path: str | os.PathLike) -> dict:
    """The whole YAML table beside the checkpoint ``path``; `UserError` if unusable."""
    yaml_path = settings_path(path)
    if not yaml_path.is_file():
        raise MissingFileError(f"{yaml_path} is missing; a checkpoint needs its settings beside it")
    table = read_yaml(yaml_path)
    if not isinstance(table, dict):
        raise UserError(f"{yaml_path}: expected a table of settings")
    missing = [key for key in ("model_type", "mels_type") if key not in table]
    if missing:
        raise UserError(f"{yaml_path}: the entry {missing[0]!r} is missing")
    return table


def model_settings(table: Mapping) -> ModelSettings:
    """The part of a settings table that builds the model."""
    return ModelSettings(**{key: table[key] for key in SETTING_NAMES if key in table})


def save_checkpoint(
    path: str | os.PathLike,
    model: nn.Module,
    *,
    settings: ModelSettings,
    training: Mapping | None = None,
) -> None:
    """Write a model and its settings, each file atomically, the weights last.

    Parameters
    ----------
    path
        Name of the checkpoint; the YAML goes beside it.
    model
        Its state dict is written with the weights on the CPU.
    training
        How the model was made (data set, loss, epochs, seed, scores...): plain YAML values.
    """
    path = Path(path)
    end = front_end(settings.mels_type)
    training = dict(training or {})
    table = {
        **{name: getattr(settings, name) for name in SETTING_NAMES},
        "input_shape": list(settings.input_shape),
        "output_shape": [end.n_classes] if settings.predicts_classes else [end.frames, end.n_mels],
        "batch_size": training.pop("batch_size", None),
        "epochs": training.pop("epochs", None),
        "settings": training,
        "provenance": provenance(),
    }
    atomic_write_text(settings_path(path), yaml.safe_dump(table, sort_keys=True))
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    save_state(path, state)


def load_checkpoint(
    path: str | os.PathLike, *, classifier: str | None = None
) -> tuple[nn.Module, ModelSettings]:
    """Rebuild a transcoder from its two files, on the CPU, in evaluation mode.

    Parameters
    ----------
    path
        The checkpoint; ``<path>_settings.yaml`` lies beside it.
    classifier
        If given, the classifier that the model must have been trained for.

    Raises
    ------
    MissingFileError
        If one of the two files is not there.
    UserError
        If it is for another classifier, its weights do not fit its settings, or a file is
        damaged or not plain weights.
    """
    path = Path(path)
    try:
        settings = model_settings(read_settings(path))
    except (UsageError, TypeError) as error:
        raise UserError(f"{settings_path(path)}: {error}") from None
    if classifier is not None and settings.mels_type != classifier:
        raise UserError(f"{path}: was trained for {settings.mels_type}, not for {classifier}")
    state = load_state(path, missing_hint=FETCH_HINT)
    # only a trained YAMNet has this head; it may have begun as the small one
    model = build_model(settings, classifier_shape=shape_of(state, prefix="network."))
    load_strictly(model, state, path)
    return model.eval(), settings


def provenance() -> dict[str, str]:
    """When, with which versions and from which commit something was computed."""
    import numpy as np

    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "spectral_transcoder": transcoder.__version__,
        "git_commit": _git_commit(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),  # a subclass of str that YAML does not know
        "numpy": np.__version__,
    }


def _git_commit() -> str:
    """The project's commit, with "-dirty" if code was changed since; "unknown" outside git."""
    if not IS_CHECKOUT:  # the git folder around an environment is another project's
        return "unknown"
    commands = (
        ("git", "rev-parse", "--short=12", "HEAD"),
        # what results/ shows is no code
        ("git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!results"),
    )
    try:
        commit, changes = (
            subprocess.run(
                command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True, timeout=10
            ).stdout.strip()
            for command in commands
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{commit}-dirty" if changes else commit
