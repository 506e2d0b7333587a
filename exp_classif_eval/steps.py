"""The steps of the classification experiment: what ``-c`` does with a setting."""

import functools
import json
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from doce_plans.experiment import Experiment
from exp_classif_eval import experiment as files
from exp_classif_eval import scores
from exp_classif_eval.class_groups import read_class_groups
from exp_classif_eval.deep_head import (
    HeadConfig,
    head_probabilities,
    load_heads,
    save_heads,
    train_heads,
)
from exp_classif_eval.labels import LabelledFiles, read_labels
from exp_classif_eval.options import RunOptions
from exp_classif_eval.predictions import Outputs, Predictions, load, metric_arrays, save
from exp_classif_eval.probability_files import probability_path
from exp_classif_eval.probability_store import read_probabilities
from transcoder.devices import choose_device
from transcoder.errors import MissingFileError, UserError
from transcoder.files import atomic_path
from transcoder.settings import front_end

if TYPE_CHECKING:
    from doce_plans.settings import Setting


class Steps:
    """Runs steps; keeps the labels of the data sets, so that each table is read once.

    Called as ``steps(setting, experiment)``.
    """

    def __init__(self, options: RunOptions) -> None:
        self.options = options
        # a data set's warnings are given once, not for each setting
        self._labels = functools.lru_cache(self._read_labels)
        self._groups = functools.lru_cache(read_class_groups)

    def __call__(self, setting: "Setting", experiment: Experiment) -> None:
        step = {"train": self.train, "eval": self.evaluate, "metric": self.score}[setting["step"]]
        step(setting, experiment)

    def train(self, setting: "Setting", experiment: Experiment) -> None:
        """Train a head for each split."""
        labelled, probs, _ = self._read(setting)
        rows = [split.train_rows for split in labelled.splits()]
        heads = train_heads(
            probs,
            labelled.labels,
            rows,
            HeadConfig(seed=self.options.seed),
            device=choose_device(self.options.device),
            progress=True,
        )
        save_heads(files.heads_file(setting, experiment), heads)

    def evaluate(self, setting: "Setting", experiment: Experiment) -> None:
        """Store what each head says of its test files."""
        labelled, probs, _ = self._read(setting)
        path = files.heads_file(setting, experiment)
        train = files.command_for(setting.replace("step", "train"))
        if not path.is_file():
            raise MissingFileError(f"{path} is missing; train it with: {train}")
        heads, splits = load_heads(path), labelled.splits()
        if (heads.n_heads, heads.hidden_weight.shape[1]) != (len(splits), probs.shape[1]):
            raise UserError(
                f"{path}: has {heads.n_heads} heads of {heads.hidden_weight.shape[1]} inputs, but "
                f"there are {len(splits)} splits of {probs.shape[1]}; train it again with: {train}"
            )
        rows = [split.test_rows for split in splits]
        outputs = head_probabilities(heads, probs, rows)
        names = np.array(labelled.files)[np.concatenate(rows)]
        save(files.outputs_file(setting, experiment), Outputs(names, np.concatenate(outputs)))

    def score(self, setting: "Setting", experiment: Experiment) -> None:
        """Store predictions for the scored files and the metrics' arrays."""
        labelled, probs, origin = self._read(setting)
        rows = labelled.scored_rows
        dataset, names = labelled.dataset, np.array(labelled.files)[rows]
        if setting["deep"]:
            values = self._head_scores(setting, experiment, names)
            decisions = scores.head_decisions(values, dataset)
        else:
            groups = self._groups(dataset.name).indices(setting["classifier"])
            values = scores.group_scores(probs[rows], groups)
            decisions = scores.group_decisions(probs[rows], groups, dataset)
        predictions = Predictions(
            names,
            labelled.parts[rows],
            values,
            decisions,
            labelled.labels[rows],
            origin=np.array(json.dumps(origin)),
        )
        save(files.predictions_file(setting, experiment), predictions)
        for name, array in metric_arrays(predictions, dataset).items():
            with atomic_path(experiment.file("metrics", setting, name)) as temporary:
                np.save(temporary, array)

    def _head_scores(
        self, setting: "Setting", experiment: Experiment, names: NDArray
    ) -> NDArray[np.float32]:
        """What the heads say, in the order of ``names``."""
        command = files.command_for(setting.replace("step", "eval"))
        path = files.outputs_file(setting, experiment)
        outputs = load(path, Outputs, command=command)
        order = np.argsort(outputs.files)
        if not np.array_equal(outputs.files[order], np.sort(names)):
            raise UserError(
                f"{path}: is about other files than those of the data set now; train again, then: "
                f"{command}"
            )
        return outputs.scores[order[np.searchsorted(outputs.files, names, sorter=order)]]

    def _read(
        self, setting: "Setting"
    ) -> tuple[LabelledFiles, NDArray[np.float32], dict[str, str]]:
        """The labelled files that have probabilities, these in the same order, their origin."""
        classifier = setting["classifier"]
        path = probability_path(self.options.data_path, setting["dataset"])
        stored = read_probabilities(path, classifier, setting["transcoder"])
        n_classes = stored.values.shape[1]
        if n_classes != front_end(classifier).n_classes:
            raise UserError(
                f"{path}: has {n_classes} classes for {classifier}, which has "
                f"{front_end(classifier).n_classes}; remove the file and make it again"
            )
        labelled = self._labels(setting["dataset"], stored.names)
        row_of = {name: row for row, name in enumerate(stored.names)}
        labels = "published" if self.options.published_labels else "ours"
        values = stored.values[[row_of[name] for name in labelled.files]]
        return labelled, values, {**stored.origin, "labels": labels}

    def _read_labels(self, dataset: str, available: tuple[str, ...]) -> LabelledFiles:
        folder = self.options.audio_dataset_path / dataset
        labelled = read_labels(dataset, folder, published_labels=self.options.published_labels)
        return labelled.restricted_to(
            available, str(probability_path(self.options.data_path, dataset))
        )
