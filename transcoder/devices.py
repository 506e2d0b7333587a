"""Choice of the device that computes."""

import torch

from transcoder.errors import UsageError, UserError
from transcoder.options import DEVICE_HELP


def choose_device(name: str = "auto") -> torch.device:
    """The device called ``name``: "auto", "cpu", "cuda" or "cuda:N".

    Raises
    ------
    UsageError
        If there is no such device.
    UserError
        If this build of torch has no kernels for the GPU, as for a V100 with a CUDA 13 build.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"unknown device {name!r}: choose {DEVICE_HELP}") from None
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise UsageError(f"device {name!r} is not supported: choose {DEVICE_HELP}")
    if not torch.cuda.is_available():
        raise UsageError(f"device {name!r}: torch {torch.__version__} finds no CUDA GPU here")
    if (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"device {name!r}: there are only {torch.cuda.device_count()} GPUs")
    _check_capability(device)
    return device


def _check_capability(device: torch.device) -> None:
    major, minor = torch.cuda.get_device_capability(device)
    built_for = torch.cuda.get_arch_list()
    # kernels run on later minor versions of their major one; PTX ("compute_") on anything later
    runs = any(
        (kind == "sm" and int(number[:-1]) == major and int(number[-1]) <= minor)
        or (kind == "compute" and int(number) <= major * 10 + minor)
        for kind, number in (arch.rstrip("af").split("_") for arch in built_for)
    )
    if not runs:
        raise UserError(
            f"{torch.cuda.get_device_name(device)} has compute capability {major}.{minor}, but "
            f"torch {torch.__version__} was built for {' '.join(built_for)}; install a build for "
            f"it (docs/hardware.md), or use --device cpu"
        )
