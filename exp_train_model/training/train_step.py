"""The train step: from its job to a trained transcoder on disk."""

import logging
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from exp_train_model.identity import FORMATS, training_identity
from exp_train_model.jobs import TrainingJob
from exp_train_model.options import TrainingOptions
from exp_train_model.scoring.outputs import data_mark, read_targets
from exp_train_model.stopping import StopRequest
from exp_train_model.training.batches import Batches, make_batches
from exp_train_model.training.conditioning import N_CHUNKS, condition, unconditioned
from exp_train_model.training.config import TrainConfig
from exp_train_model.training.loop import Course, Schedule, make_optimizer, train
from exp_train_model.training.losses import Loss, class_loss, hybrid_loss, logits_loss, mel_loss
from exp_train_model.training.precision import (
    Precision,
    choose_precision,
    keep_freed_memory,
    last_layer_in_float32,
)
from exp_train_model.training.session import Session
from exp_train_model.training.teacher import load_teacher
from features.files import OPEN, SPLITS
from transcoder.checkpoints import load_checkpoint, save_checkpoint
from transcoder.devices import choose_device
from transcoder.errors import UserError
from transcoder.files import atomic_save_array
from transcoder.models import TOKEN_MODELS, build_model

LOG = logging.getLogger(__name__)


def train_transcoder(job: TrainingJob, stop: StopRequest) -> None:
    """Train, going on with a training that was cut off.

    Leaves the checkpoint with the best validation loss and the loss curves.

    Raises
    ------
    MissingFileError
        If features, teacher weights or targets are missing; the message names the command.
    Stopped
        If a signal asked to stop; the training is saved.
    """
    config, options = job.config, job.options
    precision = choose_precision(options.training_precision, choose_device(options.device))
    if precision.device.type == "cpu":
        keep_freed_memory()
    splits, loss, marks = _material(job, precision)
    schedule = Schedule(
        epochs=config.epochs if options.epochs_override is None else options.epochs_override,
        batch_size=options.batch_size,
        seed=options.seed,
        max_steps=options.max_steps,
        anneals=options.recipe == "quick",
    )
    identity = {
        "setting": config.identifier,
        **training_identity(config, options, precision.name),
        **marks,
    }
    session = new_session(config, options, precision, identity, splits["train"])
    if job.session.is_file() and session.resume(job.session, renew=options.renew):
        LOG.info("going on after epoch %d: %s", session.epoch, config.identifier)
    course = Course(loss, precision, schedule)
    train(session, splits, course, stop=stop, save=lambda: session.save(job.session))
    _write_results(job, session)
    job.session.unlink(missing_ok=True)


def new_session(
    config: TrainConfig,
    options: TrainingOptions,
    precision: Precision,
    identity: dict,
    chunks: Batches,
) -> Session:
    """A training at its beginning: the same weights for the same seed and training ``chunks``."""
    conditions = options.recipe == "quick" and config.model.model_type not in TOKEN_MODELS
    torch.manual_seed(options.seed)
    model = _first_model(config, options, chunks)
    if precision.is_mixed and config.model.predicts_classes:
        last_layer_in_float32(model)
    if conditions:
        condition(model, next(chunks.batches(N_CHUNKS)).levels.cpu())
    place_model(model, precision.device, compiled=options.compile)
    optimizer = make_optimizer(model, config.learning_rate, orthogonal=conditions)
    return Session(model, optimizer, precision.grad_scaler(), identity)


def _first_model(config: TrainConfig, options: TrainingOptions, chunks: Batches) -> nn.Module:
    """The model that training begins with."""
    model = build_model(config.model, pretrained=options.pretrained)
    if config.model.model_type == "direct":
        model.begin_at(next(chunks.batches(N_CHUNKS)).targets.mean(dim=0).cpu())
    if options.initial_model is None:
        return model
    initial, settings = load_checkpoint(options.initial_model)
    if settings == config.model:
        return initial
    if {config.model.model_type, settings.model_type} <= set(TOKEN_MODELS) and (
        replace(settings, model_type=config.model.model_type) == config.model
    ):
        model.encoder.load_state_dict(initial.encoder.state_dict())
        return model
    raise UserError(f"{options.initial_model}: is a {settings}, not a {config.model}")


def place_model(model: nn.Module, device: torch.device, *, compiled: bool) -> None:
    """Bring a model to the device in the memory layout that is fastest there."""
    # compiled replication padding wants contiguous tensors on a CPU (torch 2.11)
    contiguous = compiled and device.type == "cpu"
    layout = torch.contiguous_format if contiguous else torch.channels_last
    model.to(device, memory_format=layout)
    if compiled:
        model.compile()


def make_loss(config: TrainConfig, teacher: nn.Module | None, *, draws: int = 1) -> Loss:
    """The loss that the configuration asks for; ``teacher`` where the loss looks through it."""
    if config.loss_name == "mels":
        return mel_loss
    if config.loss_name == "classes":
        return class_loss
    if config.loss_name == "logits":
        return logits_loss(teacher)
    return hybrid_loss(
        teacher, mel_weight=config.mel_weight, class_weight=config.class_weight, draws=draws
    )


def _material(
    job: TrainingJob, precision: Precision
) -> tuple[dict[str, Batches], Loss, dict[str, str]]:
    """Batches of the splits, the loss, and marks of the data and the teacher behind them."""
    config, options = job.config, job.options
    teacher, marks = None, {}
    if config.class_weight:
        teacher, marks["teacher"] = load_teacher(config.classifier, precision)
        if options.compile:
            teacher.compile()
    splits = {}
    for split in SPLITS:
        features = job.features.open(split)
        marks[f"data_{split}"] = data_mark(features)
        if split == "train" and config.dataset == OPEN:
            from exp_train_model.training.mixture_batches import open_mixtures

            splits[split], marks["mixtures"] = open_mixtures(config, options, precision.device)
            continue
        targets = None
        if config.class_weight:
            targets = read_targets(job.targets[split], features, teacher_mark=marks["teacher"])
        splits[split] = make_batches(
            features,
            targets,
            precision.device,
            needs_mels=bool(config.mel_weight),
            num_workers=options.num_workers,
        )
    return splits, make_loss(config, teacher, draws=options.noise_draws), marks


def _write_results(job: TrainingJob, session: Session) -> None:
    config, options = job.config, job.options
    for split, losses in session.losses.items():
        atomic_save_array(job.loss_file(split), np.asarray(losses, dtype=np.float32))
    atomic_save_array(job.train_duration, session.train_s)
    session.model.load_state_dict(session.best_weights)
    if options.recipe == "quick" and config.model.model_type == "cnn_pinv":
        unconditioned(session.model)
    how = {
        **session.identity,
        "dataset": config.dataset,
        "loss": config.loss_name,
        "mel_weight": config.mel_weight,
        "class_weight": config.class_weight,
        "learning_rate": config.learning_rate,
        "epochs": config.epochs,
        "epochs_done": session.epoch,
        "steps_done": session.n_steps,
        "best_epoch": session.best_epoch,
        "best_valid_loss": session.best_loss,
        "device": str(next(session.model.parameters()).device),
        "epochs_override": options.epochs_override,
        "max_steps": options.max_steps,
        "train_format": FORMATS["train"],
    }
    save_checkpoint(job.model, session.model, settings=config.model, training=how)
