"""Which AudioSet classes count for a class of UrbanSound8K or SONYC-UST: tables to read and edit.

The tables are the workbooks beside this file; ``make_class_groups.py`` writes them anew. An edited
workbook is what the experiment uses.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exp_classif_eval.datasets import Dataset, dataset
from transcoder.audioset import audioset_classes
from transcoder.class_tables import Lookup, table_rows
from transcoder.errors import UserError

HEADER = ("target_class_id", "target_class_name", "audioset_id", "audioset_name")
_WRITE_HINT = "write it with exp_classif_eval/make_class_groups.py"
EVERY_CLASS_OF = "PANN"  # its 527 classes are AudioSet's; YAMNet lacks six of them


@dataclass(frozen=True)
class ClassGroups:
    """For each class of a data set, the AudioSet ids that count for it."""

    dataset: Dataset
    audioset_ids: tuple[frozenset[str], ...]  # one set for each of the data set's classes
    source: str  # where they come from, for messages

    def indices(self, classifier: str) -> list[NDArray[np.int64]]:
        """Each group's outputs of ``classifier``, in order; classes that it lacks are left out.

        Raises `UserError` if the classifier has no class of a group.
        """
        classes = audioset_classes(classifier)
        groups = [np.array([c.index for c in classes if c.mid in ids]) for ids in self.audioset_ids]
        for name, group in zip(self.dataset.class_names, groups, strict=True):
            if not group.size:
                raise UserError(
                    f"{self.source}: {classifier} has none of the AudioSet classes of {name!r}: "
                    "add a row with one that it has"
                )
        return groups


def default_path(dataset_name: str) -> Path:
    """The workbook of that data set in this folder."""
    return Path(__file__).with_name(dataset(dataset_name).groups_file)


def read_class_groups(dataset_name: str, path: str | Path | None = None) -> ClassGroups:
    """The groups of ``dataset_name`` in the workbook at ``path`` (default: the one in this folder).

    The first sheet counts; columns are found by their headings, `HEADER`. A row needs a target id
    or name and an AudioSet id or name; where both are given they must agree.

    Raises `UserError` that names file and row for a target or AudioSet class that is unknown or
    given twice, and `MissingFileError` with the command that writes the workbook.
    """
    target = dataset(dataset_name)
    path = default_path(dataset_name) if path is None else Path(path)
    groups: list[set[str]] = [set() for _ in target.class_names]
    row_of: dict[str, int] = {}
    targets = Lookup("target class", target.class_ids, target.class_names)
    classes = audioset_classes(EVERY_CLASS_OF)
    audioset = Lookup("AudioSet class", [c.mid for c in classes], [c.name for c in classes])
    rows = table_rows(path, HEADER, missing_hint=_WRITE_HINT)
    for row, (target_id, target_name, audioset_id, audioset_name) in rows:
        where = f"{path}, row {row}"
        position = targets.position(target_id, target_name, where)
        member = classes[audioset.position(audioset_id, audioset_name, where)]
        if member.mid in row_of:
            raise UserError(
                f"{where}: {member.name!r} ({member.mid}) was given in row {row_of[member.mid]} "
                "already; an AudioSet class counts for one target class"
            )
        row_of[member.mid] = row
        groups[position].add(member.mid)
    for name, group in zip(target.class_names, groups, strict=True):
        if not group:
            raise UserError(f"{path}: no row for target class {name!r}: add one")
    return ClassGroups(target, tuple(map(frozenset, groups)), str(path))
