"""Small data for each program that writes: see `benchmarks.pairs_at_once`."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from transcoder.names import TAU_FOLDER
from transcoder.settings import THIRD_OCTAVE

_N_SENSORS, _N_DAYS, _SECONDS = 3, 2, 12
_N_RECORDINGS = 4


def prepare(work: Path) -> None:
    """The demo's sounds, features and probabilities; levels of a sensor and a network; a sound."""
    lines = (
        f"download_datasets.py -l DEMO --size 0.02 --output {work}",
        "exp_train_model/create_mel_tho_dataset.py --dataset_type full --audio_dataset_path "
        f"{work}/DEMO --output_path {work}/features",
        "exp_classif_eval/create_logit_dataset.py --audio_dataset_name URBAN-SOUND-8K "
        f"--audio_dataset_path {work}/DEMO --output_path {work}/probabilities --classifier YamNet "
        "--transcoder self --device cpu",
    )
    for line in lines:
        subprocess.run([sys.executable, *line.split()], check=True, capture_output=True)
    shutil.copytree(work / "DEMO" / TAU_FOLDER, work / "begun" / "work" / "DEMO" / TAU_FOLDER)
    rng = np.random.default_rng(0)
    np.save(work / "levels.npy", _levels(rng, 120))
    _write_network(work / "network", rng)
    _write_sounds(work, rng)


def _levels(rng: np.random.Generator, seconds: int) -> np.ndarray:
    return rng.normal(-20, 8, (8 * seconds, THIRD_OCTAVE.n_bands)).astype(np.float32)


def _write_network(folder: Path, rng: np.random.Generator) -> None:
    """A folder for each sensor, with a table for each day."""
    import pandas as pd

    bands = [f"{hz:.0f} Hz" for hz in THIRD_OCTAVE.centres_hz]
    for sensor in range(_N_SENSORS):
        (folder / f"sensor {sensor}").mkdir(parents=True)
        for day in range(_N_DAYS):
            table = pd.DataFrame(_levels(rng, _SECONDS), columns=bands)
            times = pd.date_range(f"2024-03-{30 + day}", periods=len(table), freq="125ms")
            table.insert(0, "time", times)
            table.to_csv(folder / f"sensor {sensor}" / f"{day}.csv", index=False)


def _write_sounds(work: Path, rng: np.random.Generator) -> None:
    """A sound, and recordings with a table of how much of their time voices were heard."""
    import soundfile

    soundfile.write(work / "a.wav", 0.1 * rng.standard_normal(2 * 16_000), 16_000)
    (work / "recordings").mkdir()
    lines = ["recording,voice"]
    for number in range(_N_RECORDINGS):
        np.save(work / "recordings" / f"{number}.npy", _levels(rng, 10) + 10 * number)
        lines.append(f"{number},{number / (_N_RECORDINGS - 1):.2f}")
    (work / "heard.csv").write_text("\n".join(lines) + "\n")
