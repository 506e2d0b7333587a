"""What ran: versions of the packages, the project's commit, the device."""

import os
import platform
from pathlib import Path

import torch

from transcoder.checkpoints import provenance
from transcoder.devices import choose_device


def describe() -> dict[str, str]:
    """`provenance` and the device that the commands choose by themselves."""
    device = choose_device("auto")
    on_gpu = device.type == "cuda"
    return {**provenance(), "device": torch.cuda.get_device_name(device) if on_gpu else _cpu()}


def _cpu() -> str:
    """The processor's name where Linux tells it, and the number of cores."""
    cpuinfo = Path("/proc/cpuinfo")
    name = platform.machine()
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        name = next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), name)
    return f"CPU ({name}, {os.cpu_count()} cores)"
