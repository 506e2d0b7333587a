"""The files of settings: which are whose, which to remove or keep, and reading them back."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from doce_plans.experiment import Experiment
from doce_plans.settings import Setting
from transcoder.errors import UserError
from transcoder.files import atomic_path

if TYPE_CHECKING:  # takes a while to import
    import numpy as np


def load_array(path: Path) -> "np.ndarray":
    """The array in an ``.npy`` file; `UserError` if it cannot be read. Never runs pickles."""
    import numpy as np

    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"cannot read {path}: {error}; remove it and run its step again") from error


@dataclass(frozen=True)
class FileAction:
    """Files about to be removed, moved or copied."""

    verb: str  # "remove", "move" or "copy"
    files: tuple[Path, ...]
    target: Path | None  # the archive, unless removed

    def __str__(self) -> str:
        where = f" to {self.target}" if self.target else ""
        old = sum((self.target / f.name).exists() for f in self.files) if self.target else 0
        replacing = f", replacing {old} older copies there" if old else ""
        return f"{self.verb} {len(self.files)} files of {self.files[0].parent}{where}{replacing}"

    def carry_out(self) -> None:
        """Do it, file by file; a copy is either complete or absent."""
        if self.target:
            self.target.mkdir(parents=True, exist_ok=True)
        for file in self.files:
            if self.verb == "copy":
                with atomic_path(self.target / file.name) as temporary:
                    shutil.copyfile(file, temporary)
            elif self.verb == "move":
                shutil.move(file, self.target / file.name)
            else:
                file.unlink()


def plan_removal(
    experiment: Experiment, settings: Iterable[Setting], path: str, *, keep: bool = False
) -> FileAction | None:
    """Removal of the files of ``settings`` in ``path``, or with ``keep`` of all other settings'.

    Where the experiment has an archive they are moved there. None if there are no such files.
    """
    target = experiment.path("archive") if "archive" in experiment.paths else None
    files = _files_of(experiment, settings, path, others=keep)
    return FileAction("move" if target else "remove", files, target) if files else None


def plan_archiving(
    experiment: Experiment, settings: Iterable[Setting], path: str
) -> FileAction | None:
    """Copy of the files of ``settings`` in ``path`` to the archive; None if there are none.

    Raises
    ------
    UsageError
        If the experiment has no path ``archive``.
    """
    target = experiment.path("archive")
    files = _files_of(experiment, settings, path)
    return FileAction("copy", files, target) if files else None


def _files_of(
    experiment: Experiment, settings: Iterable[Setting], path: str, *, others: bool = False
) -> tuple[Path, ...]:
    """Files in the folder ``path`` that belong to ``settings``, or to any other setting."""
    from doce_plans.settings import list_settings

    folder = experiment.path(path)
    if not folder.is_dir():
        return ()
    everything = [s for p in experiment.plans for s in list_settings(p, map(range, _sizes(p)))]
    known = {setting.identifier() for setting in everything}
    wanted = {setting.identifier() for setting in settings}
    return tuple(
        file
        for file in sorted(folder.iterdir())
        # a setting's file, be it of a setting that the plans have no more; not a hidden one,
        # which is being written
        if file.is_file() and "=" in file.name and not file.name.startswith(".")
        if (_owner(file.name, known) in wanted) is not others
    )


def _sizes(plan) -> Sequence[int]:
    return [len(modalities) for modalities in plan.factors.values()]


def _owner(name: str, identifiers: set[str]) -> str | None:
    """The longest identifier that ``name`` begins with, before a ``_``.

    ``...+transcoder=cnn_mels_score.npy`` is no file of ``...+transcoder=cnn``.
    """
    cut = name.rfind("_")
    while cut > 0 and name[:cut] not in identifiers:
        cut = name.rfind("_", 0, cut)
    return name[:cut] if cut > 0 else None
