"""Every writer on a disk of 20 MB at ten fill levels: one line, exit 1, older results whole."""

import json
import zipfile

import h5py
import numpy as np
import pytest
import small_jobs
import soundfile
import torch
from misbehaving_server import MisbehavingServer
from sandbox import attack

from exp_classif_eval.deep_head import DeepHeads, save_heads
from transcoder.cli import reports_errors
from transcoder.files import atomic_path
from transcoder.plots import save_figure

LEVELS = (0, 4_096, 20_000, 60_000, 150_000, 300_000, 500_000, 700_000, 1_200_000, 2_000_000)


def unpacked(folder, source) -> int:
    import shutil

    from sources.unpack import unpack

    @reports_errors
    def main(argv=None) -> int:
        path = folder / "a.zip"
        folder.mkdir(exist_ok=True)
        if not path.exists():
            with atomic_path(path) as temporary:
                shutil.copyfile(source / "a.zip", temporary)
        unpack(path, lambda member: member)
        return 0

    return main()


def weights_and_figures(folder, source) -> int:
    from matplotlib.figure import Figure

    @reports_errors
    def main(argv=None) -> int:
        save_heads(folder / "heads", DeepHeads(4, 521, 10, 128))
        figure = Figure(figsize=(20, 20))
        figure.subplots().imshow(np.random.default_rng(0).random((500, 500)))
        save_figure(figure, folder / "a.png")
        return 0

    return main()


WRITERS = {
    "archives as HDF5": small_jobs.archive("h5"),
    "archives as Parquet": small_jobs.archive("parquet"),
    "archives as CSV": small_jobs.archive("csv"),
    "a network": small_jobs.network,
    "classify_audio.py": small_jobs.classify_recording,
    "generate_audio.py": small_jobs.generate,
    "create_mel_tho_dataset.py": small_jobs.features,
    "features in mid-file": small_jobs.features_without_estimate,
    "create_logit_dataset.py": small_jobs.probabilities,
    "a training": small_jobs.training,
    "unpacking": unpacked,
    "weights and figures": weights_and_figures,
}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = small_jobs.write_source(tmp_path_factory.mktemp("source"))
    with zipfile.ZipFile(folder / "a.zip", "w") as packed:
        packed.writestr("a.wav", np.random.default_rng(0).bytes(2_500_000))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_ten_fill_levels(small_disk, source, name):
    fill_ten_times(small_disk, lambda folder: WRITERS[name](folder, source))


@pytest.mark.parametrize("size", [None, len(small_jobs.CONTENT)])
def test_download_at_ten_fill_levels(small_disk, size):
    """Without a published size the disk is full in mid-file; what came is kept for the next try."""
    with MisbehavingServer() as server:
        job = small_jobs.download_from(server)(size)
        fill_ten_times(small_disk, lambda folder: job(folder, folder))
    path = small_disk.folder / "out" / small_jobs.PATH[1:]
    assert path.read_bytes() == small_jobs.CONTENT


def fill_ten_times(small_disk, run) -> None:
    """``run(folder)`` at each of the levels: right, or refused in a line; nothing is in part."""
    (small_disk.folder / "older.h5").write_bytes(b"older")
    n_full = 0
    for room in LEVELS:
        small_disk.leave(room)
        outcome = attack(lambda: run(small_disk.folder / "out"))
        assert outcome.kind in ("right", "refused"), (room, outcome)
        if outcome.kind == "refused":
            (line,) = [text for text in outcome.text.splitlines() if "error:" in text]
            assert "the disk is full" in line or "are free on its disk" in line, (room, line)
            n_full += 1
        left = small_disk.files()
        assert left["older.h5"] == b"older"
        hidden = [path for path in left if "/." in path and not path.endswith(".lock")]
        assert not hidden
        for path in left:
            if path != "older.h5":
                check_whole(small_disk.folder / path)
    assert n_full >= 5


def check_whole(path) -> None:
    """Whatever has appeared can be read."""
    if path.suffix in (".h5", ".hdf5"):
        h5py.File(path).close()
    elif path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".npz":
        np.load(path).close()
    elif path.suffix == ".wav":
        assert soundfile.info(str(path)).frames
    elif path.name.endswith("_model"):
        assert torch.load(path)
