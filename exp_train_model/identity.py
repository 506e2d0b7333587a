"""What the outputs of each step of the training experiment are made from.

The step's identity is kept beside its outputs, and compared before they are taken for done: see
`doce_plans.records`. Raise the number of a step in `FORMATS` when its code changes so that what it
left before is no longer what it would leave now.
"""

import contextlib
import functools
from typing import Any

from doce_plans.experiment import Experiment
from doce_plans.records import Identity, input_record, require_current
from doce_plans.settings import Setting
from exp_train_model import experiment as files
from exp_train_model.options import RunOptions
from exp_train_model.scoring.evaluation import open_features
from exp_train_model.scoring.outputs import data_mark
from exp_train_model.training.config import TrainConfig, train_config
from exp_train_model.training.precision import choose_precision
from features.files import OPEN, SPLITS
from open_corpus.files import OpenFiles
from open_corpus.material import bank_mark
from transcoder.checkpoints import read_settings, settings_path
from transcoder.classifiers import load_network
from transcoder.devices import choose_device
from transcoder.errors import MissingFileError, UserError
from transcoder.fingerprint import fingerprint
from transcoder.marks import file_mark
from transcoder.models import PAPER_CLASS_MODELS, TOKEN_MODELS

FORMATS = {"train": 1, "evaluate": 1, "metric": 1}

MODEL_FACTS = (
    "seed", "precision", "pretrained", "initial_model", "recipe", "teacher",
    *(f"data_{split}" for split in SPLITS), "epochs_override", "max_steps",
)  # fmt: skip
"""What a checkpoint's YAML tells of its training, as `training_identity` names it."""


def training_identity(config: TrainConfig, options: RunOptions, precision: str) -> Identity:
    """What the weights depend on beside data and teacher, and a session must go on with.

    Raises `UserError` for a recipe that is not for such a training.
    """
    initial, kind = options.initial_model, config.model.model_type
    if options.recipe == "quick" and kind not in TOKEN_MODELS and (kind != "cnn_pinv" or initial):
        raise UserError(
            "--recipe quick is for direct, textured, and cnn_pinv that starts from random weights"
        )
    return {
        "seed": options.seed,
        "precision": precision,
        "pretrained": options.pretrained and config.model.predicts_classes,
        "initial_model": initial and initial.name,
        "recipe": options.recipe,
        "batch_size": options.batch_size,
        **({"distinct_mixtures": options.distinct_mixtures} if config.dataset == OPEN else {}),
    }


class Identify:
    """Called as ``identify(setting, experiment)``; marks of data and teachers are made once."""

    def __init__(self, options: RunOptions) -> None:
        self.options = options
        self.teacher_mark = functools.cache(_teacher_mark)
        self._data_marks: dict[tuple[str, str], dict[str, str]] = {}

    def __call__(self, setting: Setting, experiment: Experiment) -> Identity:
        step = setting["step"]
        of_step = {"train": self._of_training, "metric": self._of_scores}
        identity = of_step.get(step, self._of_outputs)(setting, experiment)
        return {f"{step}_format": FORMATS[step], **identity}

    def data_marks(self, setting: Setting) -> dict[str, str]:
        """``data_<split>``: marks of the features of all splits."""
        key = setting["dataset"], setting["classifier"]
        if key not in self._data_marks:
            self._data_marks[key] = {
                f"data_{split}": data_mark(open_features(setting, self.options, split))
                for split in SPLITS
            }
        return self._data_marks[key]

    def _of_training(self, setting: Setting, experiment: Experiment) -> Identity:
        config, options = train_config(setting), self.options
        precision = choose_precision(options.training_precision, choose_device(options.device))
        initial, override = options.initial_model, options.epochs_override
        return {
            **training_identity(config, options, precision.name),
            "initial_weights": file_mark(initial) if initial else None,
            "epochs_override": override if override != config.epochs else None,
            "max_steps": options.max_steps,
            **self.data_marks(setting),
            **({"teacher": self.teacher_mark(config.classifier)} if config.class_weight else {}),
            **({"mixtures": self._bank_mark()} if config.dataset == OPEN else {}),
        }

    def _bank_mark(self) -> str:
        return bank_mark(OpenFiles.of(self.options.data_path).bank, "train")

    def _of_outputs(self, setting: Setting, experiment: Experiment) -> Identity:
        marks = self._marks(setting)
        if not is_trained(setting):
            return marks
        model = files.model_file(setting, experiment)
        command = files.command_for(setting.replace("step", "train"), experiment)
        if not model.is_file() or not settings_path(model).is_file():
            raise MissingFileError(f"{model} is missing; train it with: {command}")
        facts = model_facts(setting, experiment)
        require_current(model.name, facts, marks, command=command)
        if self.options.published_evaluation and setting["transcoder"] in PAPER_CLASS_MODELS:
            marks = {**marks, "published_evaluation": True}
        return {**marks, "model": facts}

    def _of_scores(self, setting: Setting, experiment: Experiment) -> Identity:
        now: dict[str, Any] = {}
        # features may be removed when all is evaluated: nothing is there then that is newer
        with contextlib.suppress(MissingFileError):
            now |= self._marks(setting)
        if is_trained(setting) and files.model_file(setting, experiment).is_file():
            now["weights"] = file_mark(files.model_file(setting, experiment))
        inputs = {
            "oracle": files.oracle_setting(setting, experiment),
            "outputs": setting.replace("step", "evaluate"),
        }
        return {
            name: input_record(of, experiment, command=files.command_for(of, experiment), now=now)
            for name, of in inputs.items()
        }

    def _marks(self, setting: Setting) -> dict[str, str]:
        return {**self.data_marks(setting), "teacher": self.teacher_mark(setting["classifier"])}


def is_trained(setting: Setting) -> bool:
    """Whether the setting's transcoder is one that a train step leaves."""
    return "train" in setting.plan.factors["step"]


def model_facts(setting: Setting, experiment: Experiment) -> Identity:
    """A mark of the setting's checkpoint, and what its YAML tells of its training."""
    path = files.model_file(setting, experiment)
    told = read_settings(path).get("settings")
    told = told if isinstance(told, dict) else {}  # published ones tell nothing
    return {
        "weights": file_mark(path),
        "train_format": told.get("train_format", FORMATS["train"]),
        **{name: told[name] for name in MODEL_FACTS if name in told},
    }


def _teacher_mark(classifier: str) -> str:
    """As `exp_train_model.training.teacher.load_teacher` gives it."""
    return fingerprint(load_network(classifier))
