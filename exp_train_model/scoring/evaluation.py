"""The evaluate step: a transcoder's Mels and class probabilities, or the oracle's."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from exp_train_model.jobs import EvaluationJob
from exp_train_model.options import BATCH_SIZE
from exp_train_model.scoring.outputs import data_mark, write_outputs
from exp_train_model.stopping import StopRequest
from exp_train_model.training.batches import make_batches
from exp_train_model.training.losses import Batch
from exp_train_model.training.precision import choose_precision
from exp_train_model.training.teacher import load_teacher
from features.files import SPLITS
from features.reading import Features
from transcoder.checkpoints import load_checkpoint
from transcoder.classifiers import Classifier
from transcoder.devices import choose_device
from transcoder.errors import MissingFileError
from transcoder.models import CLASS_MODELS
from transcoder.pinv import Pinv
from transcoder.texture import Texture, transcode

Prediction = tuple[Tensor | None, Tensor]
"""Mels, where there are any, and class probabilities of a batch."""


def evaluate_oracle(job: EvaluationJob, stop: StopRequest) -> None:
    """Store the classifier's probabilities for the true Mels of all splits: targets and truth."""
    teacher, marks = _load_teacher(job)
    for split in SPLITS:
        keeps_mels = split == "eval"

        def predict(batch: Batch, _: Tensor, keeps_mels: bool = keeps_mels) -> Prediction:
            return batch.mels if keeps_mels else None, teacher(batch.mels)

        _write(job, split, predict, marks, stop)


def evaluate_transcoder(job: EvaluationJob, stop: StopRequest) -> None:
    """Store what PINV, texture or a trained transcoder makes of the eval split.

    With a ``job.dropout_seed`` the model is left in training mode, as the published program left
    self and effnet.

    Raises
    ------
    MissingFileError
        If the transcoder is not trained yet; the message names the command.
    """
    teacher, marks = _load_teacher(job)
    model = _load_model(job).to(choose_device(job.device))
    predicts_classes = job.transcoder in CLASS_MODELS
    if job.dropout_seed is not None:
        torch.manual_seed(job.dropout_seed)
        model.train()
        marks["mode"] = "training mode, as published"

    def predict(batch: Batch, places: Tensor) -> Prediction:
        predicted = transcode(model, batch.levels, places)
        return (None, predicted) if predicts_classes else (predicted, teacher(predicted))

    _write(job, "eval", predict, marks, stop)


def _load_teacher(job: EvaluationJob) -> tuple[Classifier, dict[str, str]]:
    """The classifier behind the transcoder, and what tells it from others."""
    # scores are to be the same whatever a training computes in
    precision = choose_precision("fp32", choose_device(job.device))
    teacher, mark = load_teacher(job.features.classifier, precision)
    return teacher, {"teacher": mark, "teacher_name": teacher.label}


def _load_model(job: EvaluationJob) -> nn.Module:
    classifier = job.features.classifier
    if job.transcoder == "texture":
        return Texture(classifier)
    if job.transcoder == "pinv":
        return Pinv(classifier, input_type=job.features.input_type)
    if not job.model.path.is_file():
        raise MissingFileError(f"{job.model.path} is missing; train it with: {job.model.command}")
    model, _ = load_checkpoint(job.model.path, classifier=classifier)
    return model.to(memory_format=torch.channels_last)


def _write(
    job: EvaluationJob,
    split: str,
    predict: Callable[[Batch, Tensor], Prediction],
    teacher_marks: dict[str, str],
    stop: StopRequest,
) -> None:
    features = job.features.open(split)
    batches = make_batches(
        features,
        None,
        choose_device(job.device),
        needs_mels=job.transcoder == "oracle",
        num_workers=job.num_workers,
    )

    @torch.inference_mode()
    def predictions() -> Iterator[Prediction]:
        places = _places(features).split(BATCH_SIZE)
        for batch, its_places in zip(batches.batches(BATCH_SIZE), places, strict=True):
            stop.stop("this step begins again when the command is run again")
            yield predict(batch, its_places)

    marks = {"data": data_mark(features), **teacher_marks}
    write_outputs(job.outputs[split], predictions(), features, marks=marks)


def _places(features: Features) -> Tensor:
    """Which second of its recording each chunk is: ``(n,)``. A recording's follow each other."""
    _, first, inverse = np.unique(features.file_index, return_index=True, return_inverse=True)
    return torch.from_numpy(np.arange(len(features)) - first[inverse])
