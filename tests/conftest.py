"""What the tests share: seeded randomness and the golden arrays beside the project."""

import os
import sys
from pathlib import Path

# the tests run in two processes; more threads than cores make torch many times slower
os.environ["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS") or "1"

import numpy as np
import pytest
from golden_files import DATA, REFERENCE

RECORDINGS = ("birds", "street_traffic_barcelona")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(71)


@pytest.fixture(scope="session")
def synthetic() -> dict[str, np.ndarray]:
    """Golden arrays of six synthetic signals (published system; float32, CPU)."""
    with np.load(DATA / "synthetic.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of the large golden arrays, checkpoints and recordings; skips without it."""
    if not REFERENCE.is_dir():
        pytest.skip("the large golden arrays are not beside the project (../shared/reference)")
    return REFERENCE


@pytest.fixture(params=RECORDINGS)
def recording(request, reference) -> dict[str, np.ndarray]:
    """Golden arrays of the first 4 s of a recording."""
    with np.load(reference / f"{request.param}.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def yamnet_weights(reference) -> Path:
    return reference / "models" / "yamnet_from_public_tflite.pth"


@pytest.fixture(scope="session")
def published_models(reference) -> Path:
    return reference / "models"


def pytest_collection_modifyitems(items):
    """The demo's tests first: one process is busy with them while the other does the rest."""
    items.sort(key=lambda item: item.path.name != "test_reproduce.py")


@pytest.hookimpl(tryfirst=True)  # before the fixtures of a file compute anything
def pytest_runtest_setup():
    """As many threads for each test as for the programs that it starts, whatever others set."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Reports travel between processes as UTF-8; names of files that are no text do not."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report
