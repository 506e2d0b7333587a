"""The steps of the classification experiment: what ``-c`` does with a setting."""

import functools
import json

import numpy as np
from numpy.typing import NDArray

from doce_plans.experiment import Experiment
from doce_plans.settings import Setting
from exp_classif_eval import experiment as files
from exp_classif_eval.class_groups import read_class_groups
from exp_classif_eval.deep_head import (
    HeadConfig,
    head_probabilities,
    load_heads,
    save_heads,
    train_heads,
)
from exp_classif_eval.identity import Identify, Material
from exp_classif_eval.labels import LabelledFiles, read_labels
from exp_classif_eval.options import RunOptions
from exp_classif_eval.probability_files import create_command, probability_path
from exp_classif_eval.probability_store import StoredProbabilities, read_probabilities
from exp_classif_eval.scores import (
    Outputs,
    Predictions,
    group_decisions,
    head_decisions,
    load,
    metric_arrays,
    save,
)
from transcoder.class_groups import group_maxima
from transcoder.devices import choose_device
from transcoder.errors import UserError
from transcoder.files import atomic_save_array
from transcoder.names import is_demo, is_demo_folder, real_name
from transcoder.settings import front_end


class Steps:
    """Runs steps; keeps the labels of the data sets, so that each table is read once.

    Called as ``steps(setting, experiment)``; ``steps.identify`` tells what a step's outputs are
    made from.
    """

    def __init__(self, options: RunOptions) -> None:
        self.options = options
        # a data set's warnings are given once, not for each setting
        self._labels = functools.lru_cache(self._read_labels)
        self._groups = functools.lru_cache(read_class_groups)
        self._material = functools.lru_cache(2)(self._read_material)  # tens of MB each
        self.identify = Identify(options, self.material)

    def __call__(self, setting: Setting, experiment: Experiment) -> None:
        step = {"train": self.train, "eval": self.evaluate, "metric": self.score}[setting["step"]]
        step(setting, experiment)

    def train(self, setting: Setting, experiment: Experiment) -> None:
        """Train a head for each split."""
        labelled, stored = self.material(setting)
        rows = [split.train_rows for split in labelled.splits()]
        heads = train_heads(
            stored.values,
            labelled.labels,
            rows,
            HeadConfig(seed=self.options.seed),
            device=choose_device(self.options.device),
            progress=True,
        )
        save_heads(files.heads_file(setting, experiment), heads)

    def evaluate(self, setting: Setting, experiment: Experiment) -> None:
        """Store what each head says of its test files."""
        labelled, stored = self.material(setting)
        heads = load_heads(files.heads_file(setting, experiment))
        rows = [split.test_rows for split in labelled.splits()]
        outputs = head_probabilities(heads, stored.values, rows)
        names = np.array(labelled.files)[np.concatenate(rows)]
        save(files.outputs_file(setting, experiment), Outputs(names, np.concatenate(outputs)))

    def score(self, setting: Setting, experiment: Experiment) -> None:
        """Store predictions for the scored files and the metrics' arrays."""
        labelled, stored = self.material(setting)
        probs, rows = stored.values, labelled.scored_rows
        dataset, names = labelled.dataset, np.array(labelled.files)[rows]
        if setting["deep"]:
            values = self._head_scores(setting, experiment, names)
            decisions = head_decisions(values, dataset)
        else:
            groups = self._groups(dataset.name).indices(setting["classifier"])
            values = group_maxima(probs[rows], groups)
            decisions = group_decisions(probs[rows], groups, dataset)
        predictions = Predictions(
            names,
            labelled.parts[rows],
            values,
            decisions,
            labelled.labels[rows],
            origin=np.array(json.dumps(stored.origin)),
        )
        save(files.predictions_file(setting, experiment), predictions)
        for name, array in metric_arrays(predictions, dataset).items():
            atomic_save_array(experiment.file("metrics", setting, name), array)

    def _head_scores(
        self, setting: Setting, experiment: Experiment, names: NDArray
    ) -> NDArray[np.float32]:
        """What the heads say, in the order of ``names``."""
        command = files.command_for(setting.replace("step", "eval"), experiment)
        path = files.outputs_file(setting, experiment)
        outputs = load(path, Outputs, command=command)
        order = np.argsort(outputs.files)
        return outputs.scores[order[np.searchsorted(outputs.files, names, sorter=order)]]

    def material(self, setting: Setting) -> Material:
        """The labelled files that have probabilities, and these in the same order."""
        return self._material(setting["dataset"], setting["classifier"], setting["transcoder"])

    def _read_material(self, dataset: str, classifier: str, transcoder: str) -> Material:
        path = probability_path(self.options.data_path, dataset)
        command = create_command(path, self.options.audio_dataset_path)
        stored = read_probabilities(path, classifier, transcoder, command)
        n_classes = stored.values.shape[1]
        if n_classes != front_end(classifier).n_classes:
            raise UserError(
                f"{path}: has {n_classes} classes for {classifier}, which has "
                f"{front_end(classifier).n_classes}; remove the file and make it again"
            )
        labelled = self._labels(dataset, stored.names)
        row_of = {name: row for row, name in enumerate(stored.names)}
        labels = "published" if self.options.published_labels else "ours"
        values = stored.values[[row_of[name] for name in labelled.files]]
        origin = {**stored.origin, "labels": labels}
        return labelled, StoredProbabilities(labelled.files, values, origin)

    def _read_labels(self, dataset: str, available: tuple[str, ...]) -> LabelledFiles:
        folder = self.options.audio_dataset_path / real_name(dataset)
        if is_demo_folder(folder) != is_demo(dataset):
            whose = "not DEMO's" if is_demo(dataset) else "DEMO's"
            raise UserError(
                f"{folder}: its sounds are {whose}, but dataset={dataset} was asked for; give "
                "another --audio_dataset_path, or take the plan of these sounds (-i lists them)"
            )
        labelled = read_labels(dataset, folder, published_labels=self.options.published_labels)
        return labelled.restricted_to(
            available, str(probability_path(self.options.data_path, dataset))
        )
