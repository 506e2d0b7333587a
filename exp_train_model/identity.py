"""What the outputs of each step of the training experiment are made from.

The step's identity is kept beside its outputs, and compared before they are taken for done: see
`doce_plans.records`. Raise the number of a step in `FORMATS` when its code changes so that what it
left before is no longer what it would leave now.
"""

import contextlib
import functools
from pathlib import Path
from typing import Any

from doce_plans.experiment import Experiment
from doce_plans.records import Identity, input_record, require_current
from doce_plans.settings import Setting
from exp_train_model import experiment as files
from exp_train_model.jobs import (
    EvaluationJob,
    FeatureSet,
    TrainingJob,
    evaluation_job,
    feature_set,
    trained_model,
    training_job,
)
from exp_train_model.options import TrainingOptions
from exp_train_model.scoring.outputs import data_mark
from exp_train_model.training.config import TrainConfig
from exp_train_model.training.precision import choose_precision
from features.files import OPEN, SPLITS
from transcoder.checkpoints import read_settings, settings_path
from transcoder.classifiers import load_network
from transcoder.devices import choose_device
from transcoder.errors import MissingFileError, UserError
from transcoder.fingerprint import fingerprint
from transcoder.marks import file_mark
from transcoder.models import TOKEN_MODELS

FORMATS = {"train": 1, "evaluate": 1, "metric": 1}

MODEL_FACTS = (
    "seed", "precision", "pretrained", "initial_model", "recipe", "teacher",
    *(f"data_{split}" for split in SPLITS), "epochs_override", "max_steps",
)  # fmt: skip
"""What a checkpoint's YAML tells of its training, as `training_identity` names it."""


def training_identity(config: TrainConfig, options: TrainingOptions, precision: str) -> Identity:
    """What the weights depend on beside data and teacher, and a session must go on with.

    Raises `UserError` for a recipe that is not for such a training.
    """
    initial, kind = options.initial_model, config.model.model_type
    if options.recipe == "quick" and kind not in TOKEN_MODELS and (kind != "cnn_pinv" or initial):
        raise UserError(
            "--recipe quick is for direct, textured, and cnn_pinv that starts from random weights"
        )
    if options.noise_draws > 1 and kind != "textured":
        raise UserError(f"--noise_draws is for textured: {kind} has no noise")
    return {
        "seed": options.seed,
        "precision": precision,
        "pretrained": options.pretrained and config.model.predicts_classes,
        "initial_model": initial and initial.name,
        "recipe": options.recipe,
        "batch_size": options.batch_size,
        **({"distinct_mixtures": options.distinct_mixtures} if config.dataset == OPEN else {}),
        **({"noise_draws": options.noise_draws} if options.noise_draws > 1 else {}),
    }


class IdentifyTraining:
    """Called as ``identify(setting, experiment)``; marks of data and teachers are made once."""

    def __init__(self, options: TrainingOptions) -> None:
        self.options = options
        self.teacher_mark = functools.cache(_teacher_mark)
        self.data_marks = functools.cache(_data_marks)

    def __call__(self, setting: Setting, experiment: Experiment) -> Identity:
        step = setting["step"]
        if step == "train":
            identity = self._of_training(training_job(setting, experiment, self.options))
        elif step == "metric":
            identity = self._of_scores(setting, experiment)
        else:
            identity = self._of_outputs(evaluation_job(setting, experiment, self.options))
        return {f"{step}_format": FORMATS[step], **identity}

    def _of_training(self, job: TrainingJob) -> Identity:
        config, options = job.config, job.options
        precision = choose_precision(options.training_precision, choose_device(options.device))
        initial, override = options.initial_model, options.epochs_override
        return {
            **training_identity(config, options, precision.name),
            "initial_weights": file_mark(initial) if initial else None,
            "epochs_override": override if override != config.epochs else None,
            "max_steps": options.max_steps,
            **self.data_marks(job.features),
            **({"teacher": self.teacher_mark(config.classifier)} if config.class_weight else {}),
            **({"mixtures": self._bank_mark()} if config.dataset == OPEN else {}),
        }

    def _bank_mark(self) -> str:
        from open_corpus.blocks import bank_mark
        from open_corpus.files import OpenFiles

        return bank_mark(OpenFiles.of(self.options.data_path).bank)

    def _of_outputs(self, job: EvaluationJob) -> Identity:
        marks = self._marks(job.features)
        if job.model is None:
            return marks
        model = job.model.path
        if not model.is_file() or not settings_path(model).is_file():
            raise MissingFileError(f"{model} is missing; train it with: {job.model.command}")
        facts = model_facts(model)
        require_current(model.name, facts, marks, command=job.model.command)
        if job.dropout_seed is not None:
            marks = {**marks, "published_evaluation": True}
        return {**marks, "model": facts}

    def _of_scores(self, setting: Setting, experiment: Experiment) -> Identity:
        now: dict[str, Any] = {}
        # features may be removed when all is evaluated: nothing is there then that is newer
        with contextlib.suppress(MissingFileError):
            now |= self._marks(feature_set(setting, self.options))
        model = trained_model(setting, experiment)
        if model and model.path.is_file():
            now["weights"] = file_mark(model.path)
        inputs = {
            "oracle": files.oracle_setting(setting, experiment),
            "outputs": setting.replace("step", "evaluate"),
        }
        return {
            name: input_record(of, experiment, command=files.command_for(of, experiment), now=now)
            for name, of in inputs.items()
        }

    def _marks(self, features: FeatureSet) -> dict[str, str]:
        return {**self.data_marks(features), "teacher": self.teacher_mark(features.classifier)}


def model_facts(checkpoint: Path) -> Identity:
    """A mark of a checkpoint, and what its YAML tells of its training."""
    told = read_settings(checkpoint).get("settings")
    told = told if isinstance(told, dict) else {}  # published ones tell nothing
    return {
        "weights": file_mark(checkpoint),
        "train_format": told.get("train_format", FORMATS["train"]),
        **{name: told[name] for name in MODEL_FACTS if name in told},
    }


def _data_marks(features: FeatureSet) -> dict[str, str]:
    """``data_<split>``: marks of the features of all splits."""
    return {f"data_{split}": data_mark(features.open(split)) for split in SPLITS}


def _teacher_mark(classifier: str) -> str:
    """As `exp_train_model.training.teacher.load_teacher` gives it."""
    return fingerprint(load_network(classifier))
