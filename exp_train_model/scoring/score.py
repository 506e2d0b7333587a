"""The metric step: stored outputs compared with the oracle's, file by file."""

import numpy as np

from exp_train_model.jobs import ScoringJob
from exp_train_model.scoring.outputs import open_outputs
from transcoder.files import atomic_save_array, atomic_write_text
from transcoder.metrics import READABLE_NAMES, file_metrics, top_labels


def score(job: ScoringJob) -> None:
    """Write each metric's values, the top classes of each recording, and a table of means."""
    with open_outputs(job.oracle) as true, open_outputs(job.outputs) as model:
        _, chunks_per_file = np.unique(true["file_index"][:], return_counts=True)
        has_mels = "mels" in model
        values = file_metrics(
            true["probabilities"],
            model["probabilities"],
            true["mels"] if has_mels else None,
            model["mels"] if has_mels else None,
            classifier=job.classifier,
            chunks_per_file=chunks_per_file,
        )
        labels = top_labels(
            model["probabilities"],
            classifier=job.classifier,
            chunks_per_file=chunks_per_file,
        )
    for name, array in (values | labels).items():
        atomic_save_array(job.metric_file(name), array)
    rows = [f"{READABLE_NAMES[k]},{k},{x.mean():.9g},{x.std():.9g}" for k, x in values.items()]
    header = "name,published_name,mean,standard_deviation"
    atomic_write_text(job.scores, "\n".join([header, *rows]) + "\n")
