"""What a step has to do, on what, and where it writes: made from a setting at the step's door.

Below the door nothing knows settings, plans or the experiment.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from doce_plans.experiment import Experiment
from doce_plans.plans import plan_on
from doce_plans.settings import Setting
from exp_train_model import experiment as files
from exp_train_model.options import TrainingOptions
from exp_train_model.training.config import HYBRID_CLASS_FACTORS, TrainConfig, input_type
from features.files import SPLITS, split_path
from features.reading import Features
from transcoder.errors import UserError
from transcoder.models import PAPER_CLASS_MODELS, ModelSettings
from transcoder.names import demo_name, is_demo


@dataclass(frozen=True)
class StoredFile:
    """What another step leaves."""

    path: Path
    command: str  # makes it


@dataclass(frozen=True)
class FeatureSet:
    """The features of a data set for one classifier."""

    folder: Path  # of all data sets
    dataset: str
    classifier: str
    plan: str = field(compare=False)  # that asks for the data set; for messages

    @property
    def input_type(self) -> str:
        """What transcoders see of it: see `transcoder.pinv.Pinv`."""
        return input_type(self.dataset)

    def open(self, split: str) -> Features:
        """The features of a split, checked to be what the data set's transcoders take.

        Raises
        ------
        MissingFileError
            If they are not made yet; the message names the command.
        UserError
            If they are of another kind.
        """
        features = Features(split_path(self.folder, self.dataset, split), self.classifier)
        if features.input_type != self.input_type:
            raise UserError(
                f"{features.path}: holds {features.input_type} inputs, but dataset={self.dataset} "
                f"is for {self.input_type}"
            )
        if features.is_demo and not is_demo(self.dataset):
            theirs = demo_name(self.dataset)
            raise UserError(
                f"{features.path}: holds DEMO's sounds, which are not dataset={self.dataset}: "
                f"their plan is {plan_on(self.plan, theirs)}/dataset={theirs}"
            )
        return features


@dataclass(frozen=True)
class TrainingJob:
    """One training."""

    config: TrainConfig  # what is trained, and how, as the plan says
    options: TrainingOptions  # how else, as the command line says
    features: FeatureSet
    targets: Mapping[str, StoredFile]  # of each split, what the classifier hears in the true Mels
    model: Path
    session: Path
    train_duration: Path
    loss_file: Callable[[str], Path]  # of a split, or of a part of the loss


@dataclass(frozen=True)
class EvaluationJob:
    """What a transcoder, or the oracle, makes of a data set."""

    transcoder: str
    features: FeatureSet
    model: StoredFile | None  # None where nothing is trained
    outputs: Mapping[str, Path]  # by split
    device: str
    num_workers: int
    dropout_seed: int | None  # where the model stays in training mode, as published


@dataclass(frozen=True)
class ScoringJob:
    """A model's outputs, compared with the oracle's."""

    classifier: str
    oracle: StoredFile
    outputs: StoredFile
    metric_file: Callable[[str], Path]
    scores: Path


def feature_set(setting: Setting, options: TrainingOptions) -> FeatureSet:
    """What the setting's steps read."""
    return FeatureSet(
        options.data_path, setting["dataset"], setting["classifier"], setting.plan.name
    )


def trained_model(setting: Setting, experiment: Experiment) -> StoredFile | None:
    """The checkpoint behind the setting's outputs; None where nothing is trained."""
    if "train" not in setting.plan.factors["step"]:
        return None
    train = setting.replace("step", "train")
    return StoredFile(files.model_file(setting, experiment), files.command_for(train, experiment))


def train_config(setting: Setting) -> TrainConfig:
    """The training that a setting of the plans asks for."""
    mel_weight, class_weight = _loss_weights(setting)
    return TrainConfig(
        identifier=setting.replace("step", "train").identifier(),
        dataset=setting["dataset"],
        model=ModelSettings(
            model_type=setting["transcoder"],
            mels_type=setting["classifier"],
            cnn_kernel_size=setting.get("kernel_size"),
            cnn_nb_layers=setting.get("nb_layers"),
            cnn_nb_channels=setting.get("nb_channels"),
            cnn_dilation=setting.get("dilation"),
            mlp_hl_1=setting.get("hidden1"),
            mlp_hl_2=setting.get("hidden2"),
            token_width=setting.get("token_width"),
            token_layers=setting.get("token_layers"),
            input_type=input_type(setting["dataset"]),
        ),
        mel_weight=mel_weight,
        class_weight=class_weight,
        epochs=setting["epoch"],
        learning_rate=10.0 ** setting["learning_rate"],
    )


def _loss_weights(setting: Setting) -> tuple[float, float]:
    """Weights of the Mel loss and of the class loss."""
    if setting["ts"] == 0:
        return 1.0, 0.0
    share = setting.get("prop_logit", 100) / 100
    if share == 1:
        return 0.0, 1.0
    return 1 - share, share * HYBRID_CLASS_FACTORS[setting["classifier"]]


def training_job(setting: Setting, experiment: Experiment, options: TrainingOptions) -> TrainingJob:
    """The training of a setting."""
    oracle = files.oracle_setting(setting, experiment)
    command = files.command_for(oracle, experiment)
    return TrainingJob(
        config=train_config(setting),
        options=options,
        features=feature_set(setting, options),
        targets={
            split: StoredFile(files.output_file(oracle, experiment, split), command)
            for split in SPLITS
        },
        model=files.model_file(setting, experiment),
        session=files.session_file(setting, experiment),
        train_duration=files.duration_file(setting, experiment, "train_duration"),
        loss_file=functools.partial(files.loss_file, setting, experiment),
    )


def evaluation_job(
    setting: Setting, experiment: Experiment, options: TrainingOptions
) -> EvaluationJob:
    """The evaluate step of a setting."""
    as_published = options.published_evaluation and setting["transcoder"] in PAPER_CLASS_MODELS
    return EvaluationJob(
        transcoder=setting["transcoder"],
        features=feature_set(setting, options),
        model=trained_model(setting, experiment),
        outputs={split: files.output_file(setting, experiment, split) for split in SPLITS},
        device=options.device,
        num_workers=options.num_workers,
        dropout_seed=options.seed if as_published else None,
    )


def scoring_job(setting: Setting, experiment: Experiment) -> ScoringJob:
    """The metric step of a setting."""
    oracle, own = files.oracle_setting(setting, experiment), setting.replace("step", "evaluate")
    of_oracle, of_model = (
        StoredFile(files.output_file(of, experiment), files.command_for(of, experiment))
        for of in (oracle, own)
    )
    return ScoringJob(
        classifier=setting["classifier"],
        oracle=of_oracle,
        outputs=of_model,
        metric_file=functools.partial(files.metric_file, setting, experiment),
        scores=files.scores_file(setting, experiment),
    )
