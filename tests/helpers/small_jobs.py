"""Long jobs made short: what programs write that are killed, or whose disk is full.

A job is ``run(output, source) -> exit status``; `write_source` makes what they read.
"""

import hashlib
from pathlib import Path
from unittest import mock

import numpy as np
import soundfile
from attacks import _networks, _quick
from fleet_data import write_fleet
from probability_data import TABLES, write_probabilities, write_tables
from single_download import CONTENT, PATH
from tau_data import write_tau
from training_data import write_features

from exp_classif_eval.labels import read_labels
from transcoder.cli import reports_errors
from transcoder.settings import FRONT_ENDS

_CNN = "epoch=10+learning_rate=-3+kernel_size=5+nb_layers=3+dilation=0+nb_channels=64"


def write_source(folder: Path) -> Path:
    """Levels, sounds, data sets and features."""
    rng = np.random.default_rng(0)
    np.save(folder / "levels.npy", rng.normal(-20, 5, (8 * 3600, 29)).astype("f4"))
    wave = (0.1 * rng.standard_normal(30 * 16_000)).astype("f4")
    soundfile.write(folder / "a.wav", wave, 16_000)
    audio = folder / "URBAN-SOUND-8K" / "audio"
    audio.mkdir(parents=True)
    for n in range(200):
        soundfile.write(audio / f"{n}.wav", wave[:16_000], 16_000)
    write_tau(folder, 8)
    write_fleet(folder / "network", seconds=60)
    write_features(folder / "features", n_files=6)
    _write_labelled_probabilities(folder / "labelled", rng)
    return folder


def _write_labelled_probabilities(folder: Path, rng: np.random.Generator) -> None:
    write_tables(folder)
    for dataset in TABLES:
        labelled = read_labels(dataset, folder / dataset)
        values = rng.uniform(size=(len(labelled.files), FRONT_ENDS["PANN"].n_classes))
        arrays = {"PANN/self": values.astype("f4")}
        write_probabilities(folder / "probabilities", dataset, labelled.files, arrays)


def archive(suffix: str):
    def run(folder, source) -> int:
        import classify_third_octave

        with _quick():
            return classify_third_octave.main(
                [str(source / "levels.npy"), "--output", str(folder), "--format", suffix]
            )

    return run


def network(folder, source) -> int:
    import classify_third_octave

    with _quick():
        return classify_third_octave.main(
            [str(source / "network"), "--output", str(folder), "--db_offset", "0"]
        )


def classify_recording(folder, source) -> int:
    import classify_audio

    return classify_audio.main([*_of_a_recording(folder, source), "--draws", "1"])


def generate(folder, source) -> int:
    import generate_audio

    return generate_audio.main([*_of_a_recording(folder, source), "--iterations", "1"])


def _of_a_recording(folder, source) -> list[str]:
    weights, models = _networks()
    return [str(source / "a.wav"), "--classifier_weights", str(weights), "--models", str(models),
            "--output", str(folder)]  # fmt: skip


def features(folder, source) -> int:
    from exp_train_model import create_mel_tho_dataset

    return create_mel_tho_dataset.main(
        ["--audio_dataset_path", str(source), "--output_path", str(folder), "--workers", "2"]
    )


def features_without_estimate(folder, source) -> int:
    """Full in mid-file: what will be needed is not looked at before."""
    with mock.patch("features.writing.check_room"):
        return features(folder, source)


def probabilities(folder, source) -> int:
    from exp_classif_eval import create_logit_dataset

    return create_logit_dataset.main(
        ["--audio_dataset_name", "URBAN-SOUND-8K", "--audio_dataset_path", str(source),
         "--output_path", str(folder), "--transcoder", "pinv", "texture", "--classifier", "YamNet"]
    )  # fmt: skip


def training(folder, source) -> int:
    from exp_train_model import main_doce_training

    return main_doce_training.main(
        ["-s", f"cnn/step=train+dataset=TEST+classifier=YamNet+{_CNN}", "-c", "--device", "cpu",
         "--epochs_override", "2", "--data_path", str(source / "features"),
         "--experiment_path", str(folder)]
    )  # fmt: skip


def scores(folder, source) -> int:
    """Heads are trained, and tried, and what they answer is scored: both data sets."""
    from exp_classif_eval import main_doce_score

    return main_doce_score.main(
        ["-s", "deep/classifier=PANN+transcoder=self", "-c", "--device", "cpu",
         "--audio_dataset_path", str(source / "labelled"),
         "--data_path", str(source / "labelled" / "probabilities"),
         "--experiment_path", str(folder)]
    )  # fmt: skip


def download_from(server):
    """A download of `CONTENT`, whose size is published or not."""

    def of_size(size: int | None):
        @reports_errors
        def run(folder_and_source) -> int:
            from sources.checksums import Checksum
            from sources.downloader import Downloader
            from sources.table import RemoteFile, Source

            source = Source("test", "", (server.url + "/{name}",), "https://publisher.org", "", "")
            checksum = Checksum("md5", hashlib.md5(CONTENT).hexdigest())
            file = RemoteFile(source, PATH[1:], size, len(CONTENT), checksum)
            Downloader(pauses_s=(0, 0)).fetch(file, folder_and_source[0] / PATH[1:])
            return 0

        return lambda folder, source: run((folder, source))

    server.contents[PATH] = CONTENT
    return of_size
