"""Labels and class probabilities as the classification experiment reads them."""

import shutil

import numpy as np
from golden_files import DATA

from exp_classif_eval.datasets import SONYC_UST, URBANSOUND8K
from exp_classif_eval.probability_files import probability_path
from exp_classif_eval.probability_store import PROBLEMS, ProbabilityStore, Sounds

TABLES = {
    URBANSOUND8K.name: DATA / "classification" / "UrbanSound8K_recalculated.csv",
    SONYC_UST.name: DATA / "classification" / "sonyc_ust_annotations.csv",
}


def write_tables(folder):
    """The golden tables of labels where the data sets have them."""
    for name, table in TABLES.items():
        target = folder / name / ("metadata" if name == URBANSOUND8K.name else "")
        target.mkdir(parents=True)
        shutil.copy(table, target / table.name.replace("sonyc_ust_", ""))


def write_probabilities(folder, dataset, names, arrays, problems=None):
    """A probability file as create_logit_dataset.py writes it."""
    store = ProbabilityStore(
        probability_path(folder, dataset), Sounds(names, (1,) * len(names), folder, "right")
    )
    part = {PROBLEMS: np.array(problems or [""] * len(names)), **arrays}
    store.join([part], {name: {"teacher": f"{name.split('/')[0]} (test)"} for name in arrays})
