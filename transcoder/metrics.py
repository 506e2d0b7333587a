"""The metric step: how close a model's Mels and class probabilities are to the oracle's, per file.

The oracle is the classifier on the true Mels. Everything is an average over the 1-s chunks of a
file, or compares the averages; every result is an array with one value for each file, so that
tables can give mean, deviation and a paired test. Source: Tailleur et al., DCASE 2023, section 4.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from transcoder.audioset import class_names, tvb_indices
from transcoder.errors import UserError
from transcoder.settings import front_end

CHUNKS_PER_FILE = 10
"""A TAU recording: 10 s."""

READABLE_NAMES: Mapping[str, str] = {
    "mel_mse": "mel_mean_squared_error",
    "logit_bce": "probability_binary_cross_entropy",
    "logit_mse": "probability_mean_squared_error",
    "logit_cos": "probability_cosine_similarity",
    "logit_kl": "probability_kl_divergence",
    "ptopafc": "top1_agreement",
    "ptopafc_weighted": "top1_agreement_class_mean",
    "logit_tvb_bce": "probability_binary_cross_entropy_traffic_voice_birds",
    "logit_tvb_mse": "probability_mean_squared_error_traffic_voice_birds",
    "logit_tvb_cos": "probability_cosine_similarity_traffic_voice_birds",
    "logit_tvb_kl": "probability_kl_divergence_traffic_voice_birds",
    "ptopafc_tvb": "top1_agreement_traffic_voice_birds",
    "ptopafc_weighted_tvb": "top1_agreement_class_mean_traffic_voice_birds",
}
"""What the published names of the metrics mean."""

_CHUNKS_AT_ONCE = 640  # 640 Mels of PANN: 33 MB in float64
_KL_EPS = 1e-10  # of the published code
_BCE_LOG_FLOOR = -100.0  # as torch.nn.BCELoss: the loss stays finite at probabilities 0 and 1
_COSINE_EPS = 1e-8  # as torch.nn.CosineSimilarity


def file_metrics(
    oracle_probs,
    model_probs,
    oracle_mels=None,
    model_mels=None,
    *,
    classifier: str,
    chunks_per_file: int | Sequence[int] = CHUNKS_PER_FILE,
) -> dict[str, NDArray[np.float64]]:
    """All metrics of one model on one data set, under their published names.

    Parameters
    ----------
    oracle_probs, model_probs
        Class probabilities ``(n_chunks, n_classes)``, the chunks of a file in a row. Arrays or
        HDF5 data sets: they are read a few files at a time.
    oracle_mels, model_mels
        Mel spectrograms ``(n_chunks, frames, 64)``; leave both out for models without Mels, and
        ``mel_mse`` is left out of the result.
    classifier
        "PANN" or "YamNet".
    chunks_per_file
        Chunks of each file in order, or one number for all files.

    Returns
    -------
    One array ``(n_files,)`` for each key of `READABLE_NAMES`. ``ptopafc`` is 1 where the top
    classes agree, else 0; ``ptopafc_weighted`` is the same, weighted so that its mean is the mean
    over the oracle's top classes of the share of agreeing files.

    Raises
    ------
    UserError
        The arrays do not belong together.
    """
    _check_shapes(oracle_probs, model_probs, oracle_mels, model_mels, classifier)
    counts = _chunk_counts(chunks_per_file, len(oracle_probs))
    class_sets = {"": slice(None), "_tvb": np.asarray(tvb_indices(classifier))}
    blocks: list[dict[str, NDArray]] = []
    for chunks, sizes in _blocks(counts):
        oracle, model = _float64(oracle_probs[chunks]), _float64(model_probs[chunks])
        block = {}
        for suffix, classes in class_sets.items():
            block |= _probability_metrics(oracle[:, classes], model[:, classes], sizes, suffix)
        if oracle_mels is not None:
            error = _float64(oracle_mels[chunks]) - _float64(model_mels[chunks])
            block["mel_mse"] = _file_means((error**2).mean(axis=(1, 2)), sizes)
        blocks.append(block)
    values = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    for suffix in class_sets:
        values |= _agreement(values.pop(f"oracle_top{suffix}"), values.pop(f"top{suffix}"), suffix)
    return {name: values[name] for name in READABLE_NAMES if name in values}


def top_labels(
    probs, *, classifier: str, chunks_per_file: int | Sequence[int] = CHUNKS_PER_FILE
) -> dict[str, NDArray[np.str_]]:
    """The most probable class of each file by name, under the published names.

    Arguments as those of `file_metrics`. ``labels`` ``(n_files,)`` is of all classes,
    ``labels_tvb`` of the traffic, voice and bird classes.
    """
    names = np.asarray(class_names(classifier))
    class_sets = {"labels": slice(None), "labels_tvb": np.asarray(tvb_indices(classifier))}
    parts: dict[str, list[NDArray]] = {key: [] for key in class_sets}
    for chunks, sizes in _blocks(_chunk_counts(chunks_per_file, len(probs))):
        means = _file_means(_float64(probs[chunks]), sizes)
        for key, classes in class_sets.items():
            parts[key].append(names[classes][means[:, classes].argmax(axis=1)])
    return {key: np.concatenate(blocks) for key, blocks in parts.items()}


def _probability_metrics(
    oracle: NDArray, model: NDArray, sizes: NDArray, suffix: str
) -> dict[str, NDArray]:
    """The metrics of a block of files, and the top classes of both, from ``(chunks, classes)``."""
    oracle_mean, model_mean = _file_means(oracle, sizes), _file_means(model, sizes)
    return {
        f"logit{suffix}_bce": _file_means(_binary_cross_entropy(oracle, model), sizes),
        f"logit{suffix}_mse": _file_means(((oracle - model) ** 2).mean(axis=1), sizes),
        f"logit{suffix}_cos": _file_means(_cosine(oracle, model), sizes),
        f"logit{suffix}_kl": _kl_divergence(oracle_mean, model_mean),
        f"oracle_top{suffix}": oracle_mean.argmax(axis=1),
        f"top{suffix}": model_mean.argmax(axis=1),
    }


def _binary_cross_entropy(oracle: NDArray, model: NDArray) -> NDArray:
    with np.errstate(divide="ignore"):  # log(0) is what the floor is for
        log_present = np.maximum(np.log(model), _BCE_LOG_FLOOR)
        log_absent = np.maximum(np.log1p(-model), _BCE_LOG_FLOOR)
    return -(oracle * log_present + (1 - oracle) * log_absent).mean(axis=1)


def _cosine(oracle: NDArray, model: NDArray) -> NDArray:
    norms = np.linalg.norm(oracle, axis=1) * np.linalg.norm(model, axis=1)
    return (oracle * model).sum(axis=1) / np.maximum(norms, _COSINE_EPS)


def _kl_divergence(oracle_mean: NDArray, model_mean: NDArray) -> NDArray:
    """As published: the classes do not sum to 1, so the value can be negative."""
    oracle_mean, model_mean = oracle_mean + _KL_EPS, model_mean + _KL_EPS
    return (oracle_mean * (np.log(oracle_mean) - np.log(model_mean))).mean(axis=1)


def _agreement(oracle_top: NDArray, model_top: NDArray, suffix: str) -> dict[str, NDArray]:
    agrees = (oracle_top == model_top).astype(np.float64)
    _, class_of_file, files_of_class = np.unique(
        oracle_top, return_inverse=True, return_counts=True
    )
    weight = len(agrees) / (len(files_of_class) * files_of_class[class_of_file])
    return {f"ptopafc{suffix}": agrees, f"ptopafc_weighted{suffix}": agrees * weight}


def _file_means(values: NDArray, sizes: NDArray) -> NDArray:
    """Means over the chunks of each file: ``(n_chunks, ...)`` to ``(n_files, ...)``."""
    starts = np.cumsum(sizes) - sizes
    sums = np.add.reduceat(values, starts, axis=0)
    return sums / sizes.reshape(-1, *[1] * (values.ndim - 1))


def _blocks(counts: NDArray[np.int64]) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """Runs of whole files of about `_CHUNKS_AT_ONCE` chunks: their chunks, and chunks per file."""
    ends = np.cumsum(counts)
    blocks = (ends - 1) // _CHUNKS_AT_ONCE
    start = 0
    for block in np.unique(blocks):
        sizes = counts[blocks == block]
        yield slice(start, start + sizes.sum()), sizes
        start += sizes.sum()


def _float64(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _chunk_counts(chunks_per_file: int | Sequence[int], n_chunks: int) -> NDArray[np.int64]:
    counts = np.asarray(chunks_per_file, dtype=np.int64)
    if counts.ndim == 0:
        counts = np.full(n_chunks // max(int(counts), 1), counts)
    if counts.sum() != n_chunks or counts.size == 0 or counts.min() < 1:
        raise UserError(
            f"{n_chunks} chunks cannot be {counts.size} files of {chunks_per_file} chunks: "
            "the stored outputs are cut short or empty; run their evaluate step again"
        )
    return counts


def _check_shapes(oracle_probs, model_probs, oracle_mels, model_mels, classifier: str) -> None:
    n_classes = front_end(classifier).n_classes
    for who, probs in (("oracle", oracle_probs), ("model", model_probs)):
        if len(probs.shape) != 2 or probs.shape[1] != n_classes:
            raise UserError(
                f"{who} probabilities of shape {tuple(probs.shape)} are not of {classifier}, "
                f"which has {n_classes} classes"
            )
    if (oracle_mels is None) != (model_mels is None):
        raise UserError("Mels of the oracle and of the model are needed, or of neither")
    shapes = {"probabilities": (oracle_probs.shape, model_probs.shape)}
    if oracle_mels is not None:
        shapes["Mels"] = (oracle_mels.shape, model_mels.shape)
        shapes["number of chunks"] = (oracle_probs.shape[:1], oracle_mels.shape[:1])
    for what, (first, second) in shapes.items():
        if tuple(first) != tuple(second):
            raise UserError(
                f"{what} differ, {tuple(first)} and {tuple(second)}: oracle and model were not "
                "evaluated on the same data; run their evaluate steps again"
            )
