"""The programs: where each one lies, and what a user types to run it here.

A checkout has scripts, ``python generate_audio.py``; the installed package has one command,
``spectral-transcoder generate``. Texts name scripts, and `as_typed` says what to type instead.
Imports nothing heavy, and nothing else of the project.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
"""The folder of the code and of what comes with it; nothing is written there but in a checkout."""

IS_CHECKOUT = (PROJECT_ROOT / "pyproject.toml").is_file()
"""Whether the scripts lie in that folder for the user to run, as after ``git clone``."""

COMMAND = "spectral-transcoder"
"""What runs them all: ``[project.scripts]`` of pyproject.toml."""


@dataclass(frozen=True)
class Program:
    """A program: ``script`` is what follows ``python`` in a checkout, ``-m`` and a module's name
    for one that is no script."""

    script: str
    about: str

    @property
    def module(self) -> str:
        return self.script.removeprefix("-m ").removesuffix(".py").replace("/", ".")


_LAUNCH = "exp_train_model/launch_experiment"

# A subcommand is added by a line here: its name, its script, what it does.
GROUPS: Mapping[str, Mapping[str, Program]] = {
    "what was heard": {
        "classify": Program("classify_third_octave.py", "classes of archives and live levels"),
        "classify-audio": Program("classify_audio.py", "classes of a recording, by all ways"),
        "calibrate": Program("calibrate_presence.py", "fit presence to what listeners noted down"),
        "generate": Program("generate_audio.py", "the sounds that levels still contain"),
    },
    "models for elsewhere": {
        "export": Program("export_model.py", "ONNX, 8 bits, torch.export, safetensors, a hub"),
    },
    "the paper": {
        "reproduce": Program("reproduce.py", "all steps, or all of it on a demo (--demo)"),
        "download-models": Program("download_pretrained_models.py", "step 1: fetch weights"),
        "download-datasets": Program("download_datasets.py", "step 2: fetch or make data sets"),
        "features": Program(
            "exp_train_model/create_mel_tho_dataset.py", "step 3: levels and Mels of a data set"
        ),
        "train": Program(
            "exp_train_model/main_doce_training.py", "steps 4 to 6: train and score transcoders"
        ),
        "train-all": Program(f"{_LAUNCH}/launch_exp_py.py", "steps 5 and 6 for the paper's models"),
        "slurm-scripts": Program(f"{_LAUNCH}/slurms_create.py", "the same as jobs of a cluster"),
        "slurm-submit": Program(f"{_LAUNCH}/launch_exp_slurms.py", "hand these jobs in"),
        "try-plans": Program(f"{_LAUNCH}/test.py", "one setting of each plan, for one epoch"),
        "training-tables": Program(
            "exp_train_model/export_experiment_results.py", "step 7: tables of trainings"
        ),
        "training-curves": Program(
            "exp_train_model/plot_training_curve.py", "step 7: loss curves of trainings"
        ),
        "probabilities": Program(
            "exp_classif_eval/create_logit_dataset.py", "step 8: classes of labelled recordings"
        ),
        "score": Program("exp_classif_eval/main_doce_score.py", "step 9: score these classes"),
        "score-tables": Program(
            "exp_classif_eval/export_classification_results.py", "step 10: tables of these scores"
        ),
        "plot-mels": Program("plot_spectro_dcase2023.py", "step 11: the paper's Mel spectrograms"),
        "plot-bands": Program(
            "plot_thirdo_mel_bands_repartition.py", "step 11: where the bands lie"
        ),
        "bit-rates": Program("bit_rate_calculation.py", "step 11: what levels save"),
        "report": Program("-m reproduction.report", "put what has been made on one page"),
    },
    "open recordings": {
        "open-corpus": Program("open_corpus/build_open_corpus.py", "collect open recordings"),
        "open-features": Program(
            "open_corpus/create_open_dataset.py", "endless mixtures of them, to train on"
        ),
        "distill": Program("open_corpus/distill_yamnet_small.py", "make the small YAMNet"),
        "compare": Program("judging/compare_transcoders.py", "judge transcoders on recordings"),
        "demo-scenes": Program("-m demo_scenes.figure", "draw the demo's synthetic scenes"),
    },
}

PROGRAMS: Mapping[str, Program] = {
    name: program for group in GROUPS.values() for name, program in group.items()
}


def as_typed(text: str) -> str:
    """``text`` with the scripts that it names as a user can type them where the package lies.

    Unchanged in a checkout. Elsewhere ``python generate_audio.py x.wav``, and
    ``generate_audio.py`` alone, become ``spectral-transcoder generate x.wav``.
    """
    return text if IS_CHECKOUT else _SCRIPT.sub(_subcommand, text)


def _subcommand(match: re.Match) -> str:
    return f"{COMMAND} {_NAMES[match['script']]}"


def _names() -> dict[str, str]:
    """Subcommands by what texts call their scripts: with their folders, and without."""
    names = {program.script: name for name, program in PROGRAMS.items()}
    for script, name in list(names.items()):
        names.setdefault(script.rsplit("/", 1)[-1], name)
        # the published programs lie in exp_train_model/, and so do ours under earlier names
        names.setdefault(f"exp_train_model/{script.rsplit('/', 1)[-1]}", name)
    names.pop("test.py")  # too common a name to be taken for ours
    return names


_NAMES = _names()
_SCRIPT = re.compile(
    r"(?<![\w./-])(?:python )?(?P<script>"
    + "|".join(sorted(map(re.escape, _NAMES), key=len, reverse=True))
    + r")\b(?!\.\w)"
)
