"""What the outputs of each step of the classification experiment are made from.

The step's identity is kept beside its outputs, and compared before they are taken for done: see
`doce_plans.records`. Raise the number of a step in `FORMATS` when its code changes so that what it
left before is no longer what it would leave now.
"""

import hashlib
from collections.abc import Callable

from doce_plans.experiment import Experiment
from doce_plans.records import Identity, input_record
from doce_plans.settings import Setting
from exp_classif_eval import experiment as files
from exp_classif_eval.class_groups import default_path
from exp_classif_eval.labels import LabelledFiles
from exp_classif_eval.options import RunOptions
from exp_classif_eval.probability_store import StoredProbabilities
from transcoder.marks import file_mark

FORMATS = {"train": 1, "eval": 1, "metric": 1}

Material = tuple[LabelledFiles, StoredProbabilities]
"""Labelled files that have probabilities, and these in the same order."""


class Identify:
    """Called as ``identify(setting, experiment)``; ``read`` gives a setting's material."""

    def __init__(self, options: RunOptions, read: Callable[[Setting], Material]) -> None:
        self.options = options
        self.read = read

    def __call__(self, setting: Setting, experiment: Experiment) -> Identity:
        step = setting["step"]
        labelled, stored = self.read(setting)
        marks = {
            "probabilities": _mark(stored.values.tobytes(), *stored.names),
            "truth": _mark(labelled.labels.tobytes(), *map(str, labelled.parts)),
        }
        identity = {f"{step}_format": FORMATS[step], **marks, "origin": stored.origin}
        if step == "train":
            return {**identity, "seed": self.options.seed}
        if step == "eval":
            # read first: it names the command that trains where there is nothing
            heads = self._input(setting, "train", experiment, marks)
            weights = file_mark(files.heads_file(setting, experiment))
            return {**identity, "heads": {**heads, "weights": weights}}
        if not setting["deep"]:
            return {**identity, "groups": file_mark(default_path(setting["dataset"]))}
        heads_path = files.heads_file(setting, experiment)
        now = marks | ({"weights": file_mark(heads_path)} if heads_path.is_file() else {})
        return {**identity, "outputs": self._input(setting, "eval", experiment, now)}

    def _input(
        self, setting: Setting, step: str, experiment: Experiment, now: dict[str, str]
    ) -> Identity:
        of = setting.replace("step", step)
        return input_record(of, experiment, command=files.command_for(of, experiment), now=now)


def _mark(content: bytes, *names: str) -> str:
    digest = hashlib.sha256(content)
    digest.update("\n".join(names).encode())
    return digest.hexdigest()[:16]
