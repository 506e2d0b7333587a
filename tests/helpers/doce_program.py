"""A small experiment with a main script, to try the shared command line on."""

import threading
import time

import numpy as np

from doce_plans.command_line import run
from doce_plans.experiment import Experiment, Metric
from doce_plans.options import build_parser
from doce_plans.plans import Plan
from transcoder.cli import reports_errors
from transcoder.files import atomic_path

STEPS = ["train", "evaluate", "metric"]
OUTPUTS = {
    "train": [("model", "weights"), ("loss", "losses")],
    "evaluate": [("evaluation", "classes")],
    "metric": [("metric", "score")],
}


def _outputs(setting, experiment):
    return [experiment.file(path, setting, output) for path, output in OUTPUTS[setting.step]]


EXPERIMENT = Experiment(
    "small_exp",
    "sees whether the options work",
    [
        Plan("first", {"step": ["evaluate", "metric"], "net": ["cnn", "cnn_b"], "epoch": [1, 10]}),
        Plan("second", {"step": STEPS, "net": ["cnn", "mlp"], "width": [1, 10]}),
        Plan("extra", {"step": ["metric"], "net": ["pinv"]}, named_only=True),
    ],
    [Metric("score", "metric", better="higher", significance=True)],
    {path: path for path in ("model", "loss", "evaluation", "metric")},
    _outputs,
)


class Program:
    """A main script around `EXPERIMENT`, whose steps note when they ran."""

    def __init__(self, folder, experiment=EXPERIMENT):
        self.folder = folder
        self.experiment = experiment.at(folder)
        self.calls = []
        self.fails = set()
        self.lock = threading.Lock()

    def step(self, setting, experiment):
        start = time.perf_counter()
        with self.lock:
            self.calls.append(setting.identifier())
        if setting.identifier() in self.fails or setting.get("width") in self.fails:
            raise ValueError("no luck")
        rng = np.random.default_rng(len(setting.identifier()))
        for path in experiment.outputs_of(setting):
            with atomic_path(path) as temporary:
                np.save(temporary, rng.normal(0.5, 0.1, self.factor))
        self.spans.append((setting.step, start, time.perf_counter()))

    def __call__(self, *argv):
        self.calls, self.spans = [], []

        @reports_errors
        def main(argv):
            parser = build_parser(self.experiment)
            parser.add_argument("--values", type=int, default=5, help="of each array")
            args = parser.parse_args(argv)
            self.factor = args.values
            return run(self.experiment, self.step, args)

        return main(list(argv))

    def files(self, path):
        return sorted(file.name for file in self.experiment.path(path).iterdir())
