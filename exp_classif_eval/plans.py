"""The classification experiment's plans and metrics; the order of everything counts."""

from doce_plans.experiment import Metric
from doce_plans.plans import Plan, with_demo

TRANSCODERS = ["self", "cnn"]
EXTRA_TRANSCODERS = ["pinv", "cnn_mels"]
"""Not scored in the publication."""
OUR_TRANSCODERS = ["texture", "textured", "direct"]
"""Not of the publication."""
CLASSIFIERS = ["PANN", "YamNet"]
DATASETS = ["SONYC-UST", "URBAN-SOUND-8K"]


def _grouped(name: str, transcoders: list[str], *, named_only: bool = False) -> Plan:
    """Groups of AudioSet classes stand for the data set's classes: nothing to train."""
    factors = {
        "deep": [0],
        "step": ["metric"],
        "transcoder": transcoders,
        "classifier": CLASSIFIERS,
        "dataset": DATASETS,
    }
    return Plan(name, factors, named_only)


def _trained(name: str, transcoders: list[str], *, named_only: bool = False) -> Plan:
    """A head of two layers is trained on the class probabilities."""
    factors = {
        "deep": [1],
        "step": ["train", "eval", "metric"],
        "transcoder": transcoders,
        "classifier": CLASSIFIERS,
        "dataset": DATASETS,
    }
    return Plan(name, factors, named_only)


REFERENCE = _grouped("reference", TRANSCODERS)
DEEP = _trained("deep", TRANSCODERS)
REFERENCE_EXTRA = _grouped("reference_extra", EXTRA_TRANSCODERS, named_only=True)
DEEP_EXTRA = _trained("deep_extra", EXTRA_TRANSCODERS, named_only=True)
REFERENCE_OPEN = _grouped("reference_open", OUR_TRANSCODERS, named_only=True)
DEEP_OPEN = _trained("deep_open", OUR_TRANSCODERS, named_only=True)

PLANS = with_demo((REFERENCE, DEEP, REFERENCE_EXTRA, DEEP_EXTRA, REFERENCE_OPEN, DEEP_OPEN))

METRICS = (
    Metric("acc_classif", "metrics", better="higher", significance=True, percent=True, precision=3),
    Metric("macro_auprc", "metrics", better="higher", significance=True),
    # not in the publication; after the published ones, whose numbers the commands use
    Metric("macro_f1", "metrics", better="higher", significance=True, percent=True, precision=3),
    # the deviation between folds
    Metric("acc_folds_sd", "metrics", "acc_folds", func="std", percent=True, precision=3),
)
