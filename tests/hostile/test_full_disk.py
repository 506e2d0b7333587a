"""Every writer on a disk of 20 MB at ten fill levels: one line, exit 1, older results whole."""

import json

import h5py
import numpy as np
import pytest
import soundfile
from attacks import _networks, _quick
from sandbox import attack

from exp_classif_eval.deep_head import DeepHeads, save_heads
from transcoder.cli import reports_errors
from transcoder.files import atomic_path
from transcoder.plots import save_figure

LEVELS = (0, 4_096, 20_000, 60_000, 150_000, 300_000, 500_000, 700_000, 1_200_000, 2_000_000)


def seconds_of_levels(folder, n_seconds: int = 3600):
    rng = np.random.default_rng(0)
    np.save(folder / "levels.npy", rng.normal(-20, 5, (8 * n_seconds, 29)).astype("f4"))
    return folder / "levels.npy"


def classify(suffix: str):
    def run(folder, source) -> int:
        import classify_third_octave

        with _quick():
            return classify_third_octave.main(
                [str(source / "levels.npy"), "--output", str(folder), "--format", suffix]
            )

    return run


def classify_recording(folder, source) -> int:
    import classify_audio

    weights, models = _networks()
    return classify_audio.main(
        [str(source / "a.wav"), "--classifier_weights", str(weights), "--models", str(models),
         "--output", str(folder), "--draws", "1"]
    )  # fmt: skip


def generate(folder, source) -> int:
    import generate_audio

    weights, models = _networks()
    return generate_audio.main(
        [str(source / "a.wav"), "--classifier_weights", str(weights), "--models", str(models),
         "--output", str(folder), "--iterations", "1"]
    )  # fmt: skip


def probabilities(folder, source) -> int:
    from exp_classif_eval import create_logit_dataset

    return create_logit_dataset.main(
        ["--audio_dataset_name", "URBAN-SOUND-8K", "--audio_dataset_path", str(source),
         "--output_path", str(folder), "--transcoder", "pinv", "texture", "--classifier", "YamNet"]
    )  # fmt: skip


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
    "archives as HDF5": classify("h5"),
    "archives as Parquet": classify("parquet"),
    "archives as CSV": classify("csv"),
    "classify_audio.py": classify_recording,
    "generate_audio.py": generate,
    "create_logit_dataset.py": probabilities,
    "unpacking": unpacked,
    "weights and figures": weights_and_figures,
}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    import zipfile

    folder = tmp_path_factory.mktemp("source")
    seconds_of_levels(folder)
    rng = np.random.default_rng(0)
    wave = (0.1 * rng.standard_normal(30 * 16_000)).astype("f4")
    soundfile.write(folder / "a.wav", wave, 16_000)
    audio = folder / "URBAN-SOUND-8K" / "audio"
    audio.mkdir(parents=True)
    for n in range(200):
        soundfile.write(audio / f"{n}.wav", wave[:16_000], 16_000)
    with zipfile.ZipFile(folder / "a.zip", "w") as packed:
        packed.writestr("a.wav", rng.bytes(2_500_000))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_ten_fill_levels(small_disk, source, name):
    (small_disk.folder / "older.h5").write_bytes(b"older")
    n_full = 0
    for room in LEVELS:
        small_disk.leave(room)
        outcome = attack(lambda: WRITERS[name](small_disk.folder / "out", source))
        assert outcome.kind in ("right", "refused"), (room, outcome)
        if outcome.kind == "refused":
            (line,) = [text for text in outcome.text.splitlines() if "error:" in text]
            assert "the disk is full" in line or "are free on its disk" in line, (room, line)
            n_full += 1
        left = small_disk.files()
        assert left["older.h5"] == b"older"
        hidden = [path for path in left if "/." in path and not path.endswith(".lock")]
        assert not hidden
        for path in left:  # whatever has appeared is whole
            whole = small_disk.folder / path
            if path.endswith((".h5", ".hdf5")) and path != "older.h5":
                h5py.File(whole).close()
            elif path.endswith(".json"):
                json.loads(whole.read_text())
            elif path.endswith(".npz"):
                np.load(whole).close()
            elif path.endswith(".wav"):
                assert soundfile.info(str(whole)).frames
    assert n_full >= 5
