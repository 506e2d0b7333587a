"""Which models belong to the experiment, restricted to the paper's rows or in detail."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from doce_plans.plans import plan_on
from doce_plans.selectors import select
from doce_plans.settings import Setting
from exp_train_model.plans import ALL_DATASETS, CLASSIFIERS, PLANS
from transcoder.names import model_name

SIZES = ("restricted", "detailed")
PAPER_EPOCHS = 200

_PAPER_ROWS = (
    ("cnn", "learning_rate=-3+kernel_size=5+nb_layers=5+dilation=1+nb_channels=64"),
    ("hybridts", "learning_rate=-3+dilation=1+prop_logit=100"),
    ("ts", "transcoder=self+learning_rate=-4"),
    ("ts", "transcoder=effnet_b0+learning_rate=-5"),
    ("ts", "transcoder=effnet_b7+learning_rate=-5"),
)
"""Trained models of the paper's table: plan and factors, beside data set, classifier and epoch."""

CNN_LOGITS = f"hybridts/dataset=full+epoch={PAPER_EPOCHS}+{_PAPER_ROWS[1][1]}"
"""Selects the paper's CNN-logits, one for each classifier."""

_TRAINED_PLANS = ("mlp", "cnn", "hybridts", "ts")


def add_choice(parser: argparse.ArgumentParser, size_option: str, **classifier: Any) -> None:
    """Add the options that choose models; ``classifier`` are the arguments of that option."""
    parser.add_argument(
        size_option, dest="size", choices=SIZES, default="restricted",
        help="restricted: the models of the paper's table; detailed: all hyper-parameters",
    )  # fmt: skip
    parser.add_argument("--dataset", choices=ALL_DATASETS, default="full")
    parser.add_argument("--classifier", nargs="+", choices=CLASSIFIERS, **classifier)
    parser.add_argument(
        "--epoch", type=int, default=PAPER_EPOCHS, help="modality of the factor epoch"
    )


def reference_selector(dataset: str, classifier: str) -> str:
    """Selects what must be there before anything is trained: targets, and PINV's scores."""
    return f"{plan_on('reference', dataset)}/dataset={dataset}+classifier={classifier}"


def model_selectors(
    size: str,
    dataset: str,
    *,
    epoch: int | None = PAPER_EPOCHS,
    classifiers: Sequence[str] = CLASSIFIERS,
) -> list[str]:
    """A selector for each trained model; it selects the model's train, evaluate and metric step.

    Parameters
    ----------
    size
        "restricted": the paper's rows. "detailed": every hyper-parameter of the plans besides.
    epoch
        Train so many epochs; None: all numbers that the plans have. `UsageError` for a number
        that they do not have.
    """
    plans = {plan.name: plan for plan in PLANS}
    candidates = list(_PAPER_ROWS)
    if size == "detailed":
        candidates += [
            (name, "") for name in _TRAINED_PLANS if epoch in (None, *plans[name].factors["epoch"])
        ]
    epochs = "" if epoch is None else f"+epoch={epoch}"
    found: dict[Setting, None] = {}
    for classifier in classifiers:
        for name, factors in candidates:
            plan = plan_on(name, dataset)
            if dataset in plans[plan].factors["dataset"]:
                common = f"step=train+dataset={dataset}+classifier={classifier}{epochs}"
                selector = "+".join(filter(None, (common, factors)))
                found |= dict.fromkeys(select(PLANS, f"{plan}/{selector}"))
    return [setting.selector(with_step=False) for setting in found]


def training_title(values: Mapping[str, str | int]) -> str:
    """A training in words, from the values of its factors."""
    title = f"{model_name(values)} for {values['classifier']}, data set {values['dataset']}"
    title += f", {values['epoch']} epochs"
    return title + (f", {values['nb_channels']} channels" if "nb_channels" in values else "")
