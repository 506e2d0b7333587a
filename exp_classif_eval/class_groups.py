"""Which AudioSet classes count for a class of UrbanSound8K or SONYC-UST."""

from pathlib import Path

from exp_classif_eval.datasets import dataset
from transcoder.class_groups import GROUP_TABLES, ClassGroups
from transcoder.class_groups import read_class_groups as read_groups

_WRITE_HINT = "write it with exp_classif_eval/make_class_groups.py"


def default_path(dataset_name: str) -> Path:
    """The workbook of that data set, edited or not: what the experiment uses."""
    return GROUP_TABLES[dataset(dataset_name).group_column]


def read_class_groups(dataset_name: str, path: str | Path | None = None) -> ClassGroups:
    """The groups of a data set's classes, from its workbook or the one at ``path``.

    Errors are those of `transcoder.class_groups.read_class_groups`.
    """
    target = dataset(dataset_name)
    path = default_path(dataset_name) if path is None else Path(path)
    targets = dict(zip(target.class_ids, target.class_names, strict=True))
    return read_groups(path, targets, missing_hint=_WRITE_HINT)
