"""Files of weights, read without running any code in them: PyTorch's, and ``.safetensors``."""

import os
import pickle
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from transcoder.doors import NO_SUCH_FILE, first_line, reading, why_no_file
from transcoder.errors import MissingFileError, UserError
from transcoder.files import atomic_path

SAFETENSORS = ".safetensors"


def load_state(path: Path, *, missing_hint: str) -> dict:
    """Read a file of tensors without running any code in it; errors name the file.

    Raises
    ------
    MissingFileError
        If there is no such file; ends with ``missing_hint``.
    UserError
        If it is damaged, or is a pickle that wants to run code.
    """
    why = why_no_file(path)
    if why == NO_SUCH_FILE:
        raise MissingFileError(f"{path} is missing; {missing_hint}")
    if why is not None:
        raise UserError(f"{path}: {why}")
    with reading(path, "damaged or cut short; fetch it again"):
        if path.suffix == SAFETENSORS:
            from safetensors.torch import load

            return dequantised(load(path.read_bytes()))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of pickles that other programs wrote
                state = torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise UserError(
                f"{path}: refused, it is no plain file of weights: {first_line(error)}"
            ) from None
    if not isinstance(state, dict):
        raise UserError(f"{path}: holds a {type(state).__name__}, not a table of weights")
    return dequantised(state)


_SCALE = ".scale"


def quantised(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """``state`` with its matrices in 8 bits, and beside each ``KEY.scale``: one for each row.

    Rows are what gives an output: of a convolution its filters. Vectors get 16 bits. `load_state`
    undoes the first, loading into a network the second.
    """
    small = {}
    for key, value in state.items():
        if value.ndim < 2:
            small[key] = value.half() if value.is_floating_point() else value
            continue
        scale = value.flatten(1).abs().amax(dim=1).clamp(min=1e-12) / 127
        small[key] = (value / scale.view(-1, *(1,) * (value.ndim - 1))).round().to(torch.int8)
        small[f"{key}{_SCALE}"] = scale
    return {key: value.contiguous() for key, value in small.items()}


def dequantised(state: dict) -> dict:
    """What `quantised` made small, as float32 again; anything else as it is.

    So is a scale that does not fit its matrix: `load_strictly` refuses both.
    """
    large = dict(state)
    for key, value in state.items():
        scale = state.get(f"{key}{_SCALE}")
        if (
            isinstance(value, Tensor)
            and isinstance(scale, Tensor)
            and value.dtype == torch.int8
            and scale.is_floating_point()
            and scale.shape == value.shape[:1]
        ):
            large[key] = value.float() * scale.view(-1, *(1,) * (value.ndim - 1))
            del large[f"{key}{_SCALE}"]
    return large


def save_state(path: str | os.PathLike, state: dict) -> None:
    """Write a table of tensors and plain values, complete or not at all.

    Into a file ``.safetensors`` go tensors alone.
    """
    if Path(path).suffix == SAFETENSORS:
        from safetensors.torch import save

        with atomic_path(path) as temporary:
            temporary.write_bytes(save(state, metadata={"format": "pt"}))
        return
    # through Python's own file: PyTorch's leaves the process when a disk is full
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        torch.save(state, file)


def load_strictly(module: nn.Module, state: dict, path: Path) -> None:
    """Load ``state`` into ``module``; `UserError` names weights that do not fit or are spoilt."""
    expected = module.state_dict()
    problems = [f"{key} is missing" for key in expected if key not in state]
    problems += [f"{key} is unknown" for key in state if key not in expected]
    problems += [
        f"{key} has shape {tuple(value.shape)}, not {tuple(expected[key].shape)}"
        for key, value in state.items()
        if key in expected and getattr(value, "shape", None) != expected[key].shape
    ]
    if problems:
        raise UserError(f"{path}: does not fit {type(module).__name__}: {_first_of(problems)}")
    problems = [
        f"{key} {fault}"
        for key, value in state.items()
        if (fault := _fault_of(key, value, is_real=expected[key].is_floating_point()))
    ]
    if problems:
        raise UserError(f"{path}: cannot be used: {_first_of(problems)}; fetch or train it again")
    module.load_state_dict(state)


def _fault_of(key: str, value: Tensor, *, is_real: bool) -> str | None:
    """Why a weight would spoil all answers, if it would; ``is_real``: it is no counter."""
    plain = value.layout == torch.strided and not value.is_complex() and not value.is_quantized
    if not plain or (value.is_floating_point() and value.itemsize < 2):
        return "is no array of plain numbers"
    if is_real and not value.is_floating_point():
        return "is of whole numbers, without the scale that makes them weights"
    if not value.isfinite().all():
        return "is NaN or infinite"
    if key.endswith("running_var") and (value < 0).any():
        return "has variances below zero"
    return None


def _first_of(problems: list[str]) -> str:
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return "; ".join(problems[:3]) + more
