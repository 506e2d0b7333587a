"""Groups of AudioSet classes: tables to read and edit, and the outputs of classifiers in each.

The workbooks beside this file say which classes count for a class of UrbanSound8K or SONYC-UST;
``exp_classif_eval/make_class_groups.py`` writes them anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transcoder.audioset import audioset_classes
from transcoder.class_tables import Lookup, table_rows
from transcoder.errors import UserError

GROUP_TABLES = {
    name: Path(__file__).with_name(f"sub_classes_{name}.xlsx")
    for name in ("sonyc_ust", "urbansound8k")
}
"""Our tables, by the name that command lines give them."""

GROUP_COLUMNS = ("target_class_name", "audioset_id", "audioset_name")
"""Headings of a table of groups; one AudioSet class a row, by its id, its name or both."""

TARGET_COLUMNS = ("target_class_id", *GROUP_COLUMNS)
"""The same where the groups are the classes of a data set, which have ids too."""

EVERY_CLASS_OF = "PANN"  # its 527 classes are AudioSet's; YAMNet lacks six of them


@dataclass(frozen=True)
class ClassGroups:
    """Named groups and the AudioSet ids that count for each."""

    names: tuple[str, ...]
    audioset_ids: tuple[frozenset[str], ...]
    source: str  # where they come from, for messages

    def indices(self, classifier: str) -> list[NDArray[np.int64]]:
        """Each group's outputs of ``classifier``, in order; classes that it lacks are left out.

        Raises `UserError` if the classifier has no class of a group.
        """
        classes = audioset_classes(classifier)
        groups = [
            np.array([c.index for c in classes if c.mid in ids], dtype=np.int64)
            for ids in self.audioset_ids
        ]
        for name, group in zip(self.names, groups, strict=True):
            if not group.size:
                raise UserError(
                    f"{self.source}: {classifier} has none of the AudioSet classes of {name!r}: "
                    "add a row with one that it has"
                )
        return groups


def read_class_groups(
    path: Path,
    targets: Mapping[int, str] | None = None,
    *,
    missing_hint: str = "check the path",
) -> ClassGroups:
    """The groups in a table (.xlsx or .csv).

    Parameters
    ----------
    path
        Has the columns `GROUP_COLUMNS`, or with ``targets`` `TARGET_COLUMNS`; see
        `transcoder.class_tables.table_rows`.
    targets
        Ids and names of the groups that there must be, each with a row by its id, its name or
        both; then an AudioSet class may count for one of them only.
    missing_hint
        What to do if there is no such file.

    Raises
    ------
    MissingFileError
        If there is no such file.
    UserError
        Naming file and row of a class that is unknown or, with ``targets``, given twice.
    """
    known = audioset_classes(EVERY_CLASS_OF)
    audioset = Lookup("AudioSet class", [c.mid for c in known], [c.name for c in known])
    names = () if targets is None else tuple(targets.values())
    lookup = None if targets is None else Lookup("target class", list(targets), names)
    members: dict[str, set[str]] = {name: set() for name in names}
    row_of: dict[str, int] = {}
    columns = GROUP_COLUMNS if targets is None else TARGET_COLUMNS
    for row, (*group, mid, name) in table_rows(path, columns, missing_hint=missing_hint):
        where = f"{path}, row {row}"
        target = _named(*group, where) if lookup is None else names[lookup.position(*group, where)]
        member = known[audioset.position(mid, name, where)]
        if lookup is not None and member.mid in row_of:
            raise UserError(
                f"{where}: {member.name!r} ({member.mid}) was given in row {row_of[member.mid]} "
                "already; an AudioSet class counts for one target class"
            )
        row_of[member.mid] = row
        members.setdefault(target, set()).add(member.mid)
    if not members:
        raise UserError(f"{path}: holds no groups")
    for name, group in members.items():
        if not group:
            raise UserError(f"{path}: no row for target class {name!r}: add one")
    return ClassGroups(tuple(members), tuple(map(frozenset, members.values())), str(path))


def group_maxima(probabilities: NDArray, groups: Sequence[NDArray[np.int64]]) -> NDArray:
    """The highest of each group's classes: ``(n, n_classes)`` -> ``(n, len(groups))``."""
    return np.stack([probabilities[:, group].max(axis=1) for group in groups], axis=1)


def _named(name: str, where: str) -> str:
    if not name:
        raise UserError(f"{where}: no name of a group (column {GROUP_COLUMNS[0]})")
    return name
