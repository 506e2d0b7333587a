"""The training experiment's plans and metrics, as published; the order of everything counts."""

from doce_plans.experiment import Metric
from doce_plans.plans import Plan, with_demo
from features.files import OPEN
from transcoder.names import demo_name

CLASSIFIERS = ["YamNet", "PANN"]
DATASETS = ["TEST", "full", "urban"]
ABLATION_DATASETS = [*DATASETS, "urban_mel_time", "urban_mel_freq"]
ALL_DATASETS = [*ABLATION_DATASETS, *map(demo_name, ABLATION_DATASETS)]
STEPS = ["train", "evaluate", "metric"]
LEARNING_RATES = [-3, -4, -5]
"""Powers of ten."""

REFERENCE = Plan(
    "reference",
    {
        "ts": [0],
        "step": ["evaluate", "metric"],
        "transcoder": ["oracle", "pinv"],
        "dataset": ABLATION_DATASETS,
        "classifier": CLASSIFIERS,
    },
)
"""What is not trained: the classifier on true Mels (the teacher's targets) and PINV."""

MLP = Plan(
    "mlp",
    {
        "ts": [0],
        "step": STEPS,
        "transcoder": ["mlp", "mlp_pinv"],
        "dataset": DATASETS,
        "classifier": CLASSIFIERS,
        "epoch": [1, 10, 200],
        "learning_rate": LEARNING_RATES,
        "hidden1": [100, 300],
        "hidden2": [1000, 3000],
    },
)
"""Perceptrons trained on Mels."""

CNN = Plan(
    "cnn",
    {
        "ts": [0],
        "step": STEPS,
        "transcoder": ["cnn_pinv"],
        "dataset": ABLATION_DATASETS,
        "classifier": CLASSIFIERS,
        "epoch": [1, 10, 100, 200],
        "learning_rate": LEARNING_RATES,
        "kernel_size": [3, 5],
        "nb_layers": [1, 3, 5],
        "dilation": [0, 1, 2, 3],
        "nb_channels": [16, 64],
    },
)
"""CNN-mels: residual networks after PINV, trained on Mels."""

HYBRIDTS = Plan(
    "hybridts",
    {
        "ts": [1],
        "step": STEPS,
        "transcoder": ["cnn_pinv"],
        "dataset": DATASETS,
        "classifier": CLASSIFIERS,
        "epoch": [1, 5, 10, 20, 50, 100, 200, 400],
        "learning_rate": LEARNING_RATES,
        "kernel_size": [5],
        "nb_layers": [5],
        "dilation": [0, 1],
        "nb_channels": [64],
        "prop_logit": [100, 50],
    },
)
"""CNN-logits: the same networks trained on the teacher's class probabilities, in part or alone."""

TS = Plan(
    "ts",
    {
        "ts": [1],
        "step": STEPS,
        "transcoder": ["self", "effnet_b0", "effnet_b7"],
        "dataset": DATASETS,
        "classifier": CLASSIFIERS,
        "learning_rate": LEARNING_RATES,
        "epoch": [1, 5, 10, 20, 50, 100, 150, 200, 300, 400],
    },
)
"""Models that go from levels to classes without Mels."""

HYBRIDTS_SMALL = Plan(
    "hybridts_small",
    HYBRIDTS.factors | {"dilation": [1], "nb_channels": [16, 32], "prop_logit": [100]},
    named_only=True,
)
"""CNN-logits that a CPU can train; not in the publication, only selected by the plan's name."""

_OURS = [OPEN, *DATASETS]

REFERENCE_OPEN = Plan(
    "reference_open",
    REFERENCE.factors | {"transcoder": ["oracle", "pinv", "texture"], "dataset": _OURS},
    named_only=True,
)
"""What is not trained, on mixtures too."""

CNN_OPEN = Plan("cnn_open", CNN.factors | {"dataset": _OURS}, named_only=True)
HYBRIDTS_OPEN = Plan(
    "hybridts_open",
    HYBRIDTS.factors
    | {"dataset": _OURS, "dilation": [1], "nb_channels": [16, 32, 64], "prop_logit": [100, 90, 50]},
    named_only=True,
)
"""CNN-mels and CNN-logits on mixtures, where a Mel term may keep the Mels from becoming noise."""

_TOKENS = {
    "ts": [1],
    "step": STEPS,
    "dataset": _OURS,
    "classifier": CLASSIFIERS,
    "epoch": [1, 3, 10, 20, 50, 100, 400],
    "learning_rate": [-3],
    "token_width": [96, 176, 192, 384],
    "token_layers": [3, 6],
}

DIRECT = Plan("direct", _TOKENS | {"transcoder": ["direct"]}, named_only=True)
"""Levels straight to classes."""

TEXTURED = Plan(
    "textured", _TOKENS | {"transcoder": ["textured"], "prop_logit": [98]}, named_only=True
)
"""Learned Mels with texture, trained through the classifier with a small Mel term."""

PLANS = with_demo(
    (REFERENCE, MLP, CNN, HYBRIDTS, TS, HYBRIDTS_SMALL,
     REFERENCE_OPEN, CNN_OPEN, HYBRIDTS_OPEN, DIRECT, TEXTURED),
    not_of=(OPEN,),
)  # fmt: skip

METRICS = (
    Metric("avg_mels_mse", "metric", "mel_mse", better="lower", significance=True, precision=2),
    Metric("avg_logit_bce", "metric", "logit_bce", better="lower", significance=True, precision=6),
    Metric("avg_logit_kl", "metric", "logit_kl", better="lower", significance=True, precision=6),
    Metric(
        "ptopafc",
        "metric",
        "ptopafc",
        better="higher",
        significance=True,
        percent=True,
        precision=3,
    ),
)
