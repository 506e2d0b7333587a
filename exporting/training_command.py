"""The command that a model was trained with, as its YAML tells it."""

from collections.abc import Mapping

_PROGRAM = "python exp_train_model/main_doce_training.py -c"


def training_command(factors: Mapping[str, str], table: Mapping) -> str:
    """The command line of a training, from the setting and its options.

    ``factors`` are those of the checkpoint's name, ``table`` is its YAML.
    """
    training = table.get("settings") or {}
    options = [
        ("recipe", training.get("recipe")),
        ("batch_size", table.get("batch_size")),
        ("precision", training.get("precision")),
        ("epochs_override", training.get("epochs_override")),
        ("max_steps", training.get("max_steps")),
        ("distinct_mixtures", training.get("distinct_mixtures")),
        ("noise_draws", training.get("noise_draws")),
        ("initial_model", training.get("initial_model")),
        ("seed", training.get("seed") or None),
    ]
    told = [f"--{name} {value}" for name, value in options if value is not None]
    setting = "+".join(f"{key}={value}" for key, value in factors.items())
    return " ".join([_PROGRAM, *told, f"-s {_plan_of(factors)}/{setting}"])


def _plan_of(factors: Mapping[str, str]) -> str:
    """The plan that has the setting."""
    from exp_train_model.plans import PLANS

    for plan in PLANS:
        if plan.factors.keys() == factors.keys() and all(
            factors[name] in map(str, values) for name, values in plan.factors.items()
        ):
            return plan.name
    return "..."
