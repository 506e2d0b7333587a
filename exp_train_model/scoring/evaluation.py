"""The evaluate step: a transcoder's Mels and class probabilities, or the oracle's."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from doce_plans.experiment import Experiment
from doce_plans.plans import plan_on
from doce_plans.settings import Setting
from exp_train_model import experiment as files
from exp_train_model.options import BATCH_SIZE, RunOptions
from exp_train_model.scoring.outputs import data_mark, write_outputs
from exp_train_model.stopping import StopRequest
from exp_train_model.training.batches import make_batches
from exp_train_model.training.config import input_type
from exp_train_model.training.losses import Batch
from exp_train_model.training.precision import choose_precision
from exp_train_model.training.teacher import load_teacher
from features.files import SPLITS, split_path
from features.reading import Features
from transcoder.checkpoints import load_checkpoint
from transcoder.devices import choose_device
from transcoder.errors import MissingFileError, UserError
from transcoder.models import CLASS_MODELS, PAPER_CLASS_MODELS
from transcoder.names import demo_name, is_demo
from transcoder.pinv import Pinv
from transcoder.texture import Texture, transcode

Prediction = tuple[Tensor | None, Tensor]
"""Mels, where there are any, and class probabilities of a batch."""


def evaluate_oracle(
    setting: Setting, experiment: Experiment, options: RunOptions, stop: StopRequest
) -> None:
    """Store the classifier's probabilities for the true Mels of all splits: targets and truth."""
    # scores are to be the same whatever a training computes in
    precision = choose_precision("fp32", choose_device(options.device))
    teacher, mark = load_teacher(setting["classifier"], precision)
    marks = {"teacher": mark, "teacher_name": teacher.teacher}
    for split in SPLITS:
        features = open_features(setting, options, split)
        keeps_mels = split == "eval"

        def predict(batch: Batch, _: Tensor, keeps_mels: bool = keeps_mels) -> Prediction:
            return batch.mels if keeps_mels else None, teacher(batch.mels)

        _write(setting, experiment, split, predict, features, marks, options, stop)


def evaluate_transcoder(
    setting: Setting, experiment: Experiment, options: RunOptions, stop: StopRequest
) -> None:
    """Store what PINV, texture or a trained transcoder makes of the eval split.

    With ``options.published_evaluation``, self and effnet are left in training mode, as the
    published program left them.

    Raises
    ------
    MissingFileError
        If the transcoder is not trained yet; the message names the command.
    """
    precision = choose_precision("fp32", choose_device(options.device))
    teacher, mark = load_teacher(setting["classifier"], precision)
    marks = {"teacher": mark, "teacher_name": teacher.teacher}
    model = _load_model(setting, experiment).to(precision.device)
    predicts_classes = setting["transcoder"] in CLASS_MODELS
    if options.published_evaluation and setting["transcoder"] in PAPER_CLASS_MODELS:
        torch.manual_seed(options.seed)  # of dropout
        model.train()
        marks["mode"] = "training mode, as published"

    def predict(batch: Batch, places: Tensor) -> Prediction:
        predicted = transcode(model, batch.levels, places)
        return (None, predicted) if predicts_classes else (predicted, teacher(predicted))

    features = open_features(setting, options, "eval")
    _write(setting, experiment, "eval", predict, features, marks, options, stop)


def open_features(setting: Setting, options: RunOptions, split: str) -> Features:
    """The features of a split, checked to be what the setting's transcoders take.

    Raises
    ------
    MissingFileError
        If they are not made yet; the message names the command.
    UserError
        If they are of another kind.
    """
    dataset = setting["dataset"]
    features = Features(split_path(options.data_path, dataset, split), setting["classifier"])
    wanted = input_type(dataset)
    if features.input_type != wanted:
        raise UserError(
            f"{features.path}: holds {features.input_type} inputs, but dataset={dataset} is for "
            f"{wanted}"
        )
    if features.is_demo and not is_demo(dataset):
        raise UserError(
            f"{features.path}: holds DEMO's sounds, which are not dataset={dataset}: their plan is "
            f"{plan_on(setting.plan.name, demo_name(dataset))}/dataset={demo_name(dataset)}"
        )
    return features


def _load_model(setting: Setting, experiment: Experiment) -> nn.Module:
    classifier = setting["classifier"]
    if setting["transcoder"] == "texture":
        return Texture(classifier)
    if setting["transcoder"] == "pinv":
        return Pinv(classifier, input_type=input_type(setting["dataset"]))
    path = files.model_file(setting, experiment)
    if not path.is_file():
        command = files.command_for(setting.replace("step", "train"), experiment)
        raise MissingFileError(f"{path} is missing; train it with: {command}")
    model, _ = load_checkpoint(path, classifier=classifier)
    return model.to(memory_format=torch.channels_last)


def _write(
    setting: Setting,
    experiment: Experiment,
    split: str,
    predict: Callable[[Batch, Tensor], Prediction],
    features: Features,
    teacher_marks: dict[str, str],
    options: RunOptions,
    stop: StopRequest,
) -> None:
    batches = make_batches(
        features,
        None,
        choose_device(options.device),
        needs_mels=setting["transcoder"] == "oracle",
        num_workers=options.num_workers,
    )

    @torch.inference_mode()
    def predictions() -> Iterator[Prediction]:
        places = _places(features).split(BATCH_SIZE)
        for batch, its_places in zip(batches.batches(BATCH_SIZE), places, strict=True):
            stop.stop("this step begins again when the command is run again")
            yield predict(batch, its_places)

    path = files.output_file(setting, experiment, split)
    marks = {"data": data_mark(features), **teacher_marks}
    write_outputs(path, predictions(), features, marks=marks)


def _places(features: Features) -> Tensor:
    """Which second of its recording each chunk is: ``(n,)``. A recording's follow each other."""
    _, first, inverse = np.unique(features.file_index, return_index=True, return_inverse=True)
    return torch.from_numpy(np.arange(len(features)) - first[inverse])
