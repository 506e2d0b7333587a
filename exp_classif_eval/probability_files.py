"""Names and places of the class probabilities; imports nothing heavy, for command lines.

One HDF5 file for each data set, one row for each sound file:

- ``files`` ``(n,)``: names, sorted; ``size_bytes`` ``(n,)``
- ``problem`` ``(n,)``: why a file has no probabilities; empty for a file that has them
- ``done`` ``(n,)``: whether it has
- ``<classifier>/<transcoder>`` ``(n, n_classes)`` float32, NaN for files with a problem; its
  attributes tell the weights that it was computed with
- attributes: ``sampling``, of `SAMPLINGS`; the folder of the sounds; ``sounds``, a mark of
  their contents; date, versions and commit
"""

import os
from pathlib import Path

from transcoder.files import DATA_ROOT, WORK_ROOT
from transcoder.names import DEMO, is_demo, real_name
from transcoder.options import option

PROBABILITIES_ROOT = DATA_ROOT / "classif_probabilities"
"""Default folder of the files."""

METHODS_OF = {
    "self": None,
    "cnn": "cnn_logits",
    **{name: name for name in ("cnn_mels", "pinv", "texture", "textured", "direct")},
}
"""The plans' transcoders, and what the library calls them; "self" is none: the true Mels."""

TRANSCODER_ALIASES = {"true_mels": "self", "cnn_logits": "cnn"}
"""The house's words for what the published plans call otherwise."""

CLASSIFIERS = ("PANN", "YamNet")

SAMPLINGS = ("right", "published")

_SCRIPT = "python exp_classif_eval/create_logit_dataset.py"


def probability_path(folder: str | os.PathLike, dataset_name: str) -> Path:
    """The file of a data set in the folder of all: ``<folder>/<dataset_name>.h5``."""
    return Path(folder) / f"{dataset_name}.h5"


def create_command(path: Path, sounds: str | os.PathLike = WORK_ROOT) -> str:
    """The command that makes the file at ``path`` of the data sets in the folder ``sounds``."""
    if is_demo(path.stem) and sounds == WORK_ROOT:
        sounds = WORK_ROOT / DEMO
    where = option("audio_dataset_path", sounds, WORK_ROOT)
    where += option("output_path", path.parent, PROBABILITIES_ROOT)
    return f"{_SCRIPT} --audio_dataset_name {real_name(path.stem)}{where}"
