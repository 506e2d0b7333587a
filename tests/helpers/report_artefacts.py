"""Small made-up artefacts for the tests of the report, written by the project's own exporters."""

import base64
import io
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import soundfile
from matplotlib.figure import Figure

from doce_plans.export import export_table
from doce_plans.results import BEST, NOT_DIFFERENT
from doce_plans.tables import Cell, Heading, Table
from transcoder.audio import write_audio
from transcoder.plots import save_figure

SAMPLE_RATE = 16_000
DURATION_S = 0.5
LOUD_PEAK = 4.0  # of the sound that PINV made
TABLE = Table(
    header="dataset: TEST ",
    headings=(
        Heading("transcoder", is_factor=True),
        Heading("epoch", is_factor=True),
        Heading("avg_mels_mse", "lower"),
        Heading("ptopafc %", "higher"),
        Heading("published ptopafc %"),
    ),
    rows=(
        (
            Cell("pinv"),
            Cell(""),
            Cell("12.43", 12.432),
            Cell("0.4", 0.004, NOT_DIFFERENT, 0.2),
            Cell("0.4", 0.004),
        ),
        (
            Cell("CNN <mels> & more"),
            Cell("200", 200),
            Cell("10.14", 10.14, BEST),
            Cell("0.5", 0.005, BEST),
            Cell("-"),
        ),
    ),
    oldest=datetime(2026, 1, 2, 3, 4, 5),
    newest=datetime(2026, 1, 2, 3, 4, 6),
    notes=("first note", "second & last note"),
)
RUN_LOG = {
    "started": "2026-01-02T03:04:05+00:00",
    "mode": "demo",
    "provenance": {"git_commit": "0123456789ab", "torch": "2.11.0", "device": "CPU (test)"},
    "steps": [
        {
            "number": 1,
            "name": "models",
            "command": "python one.py\npython two.py --with a-rather-long-argument",
            "status": "done",
            "seconds": 75.4,
            "peak_memory_mb": 321.0,
        },
        {
            "number": 2,
            "name": "data sets",
            "command": "python three.py",
            "status": "skipped",
            "seconds": 3.0,
            "peak_memory_mb": 1234.4,
        },
    ],
}


def make_artefacts(folder: Path) -> list[str]:
    """One artefact of each kind, CNN-mels' sound left out; gives the report's arguments."""
    results, audio = folder / "results", folder / "audio"
    train, classif = folder / "train", folder / "classif"
    results.mkdir()
    (results / "run_log.json").write_text(json.dumps(RUN_LOG))
    for suffix in ("json", "html", "csv", "png"):
        export_table(TABLE, train / "export" / f"results_training_YamNet.{suffix}")
    export_table(TABLE, classif / "export" / "results_classif_urbansound8k.json")
    _write_class_table(classif / "export" / "classes_urbansound8k.csv", n_rows=40)
    _draw(train / "export" / "classifier=YamNet+nb_layers=5_curve.png", width=6)
    figures = classif / "export" / "classes_urbansound8k"
    _draw(figures / "confusion_deep0_YamNet_self.png", width=6)
    _draw(figures / "precision_recall_deep0_YamNet_self.png", width=6)
    _draw(results / "spectro_dcase_2023.png", width=12)
    make_sounds(audio / "bird")
    return [
        f"--results={results}",
        f"--train_experiment={train}",
        f"--classif_experiment={classif}",
        f"--audio={audio}",
    ]


def make_sounds(folder: Path) -> None:
    """What generate_audio.py leaves without a CNN-mels transcoder."""
    time_s = np.arange(round(DURATION_S * SAMPLE_RATE)) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * 440 * time_s).astype(np.float32)
    peaks = {
        "original": 0.5,
        "generated_from_groundtruth_mel": 0.25,
        "generated_from_pinv": LOUD_PEAK,
        "generated_from_cnn_logits": 0.1,
    }
    for suffix, peak in peaks.items():
        write_audio(folder / f"{folder.name}_{suffix}.wav", peak * tone, SAMPLE_RATE)
    rows = ["mels,rank,class,probability,classifier"]
    for mels in ("true_mels", "pinv", "cnn_logits"):
        rows += [
            f"{mels},{r},Class {r} of {mels},{0.9 / r:.6f},YamNet (x.pth)" for r in range(1, 8)
        ]
    rows.append('cnn_logits,8,"<script>alert(1)</script>",0.01,YamNet (x.pth)')
    (folder / f"{folder.name}_classes.csv").write_text("\n".join(rows) + "\n")
    _draw(folder / f"{folder.name}_spectrograms.png", width=14)


def _write_class_table(path: Path, n_rows: int) -> None:
    rows = ["deep,class,f1", *(f"0,class {i},0.{i:04d}" for i in range(n_rows))]
    path.write_text("\n".join(rows) + "\n")


def _draw(path: Path, width: float) -> None:
    figure = Figure(figsize=(width, 4))
    figure.subplots().plot([0, 1, 2], [1, 0, 2])
    save_figure(figure, path)


def played(uri: str) -> np.ndarray:
    """The samples of a sound in the page."""
    media_type, _, data = uri.partition(";base64,")
    assert media_type == "data:audio/mpeg"
    samples, sample_rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
    assert sample_rate == SAMPLE_RATE
    return samples
