"""The files of settings: which are whose, which to remove or keep, and reading them back."""

import shutil
from collections.abc import Iterable
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


def plan_action(
    experiment: Experiment, settings: Iterable[Setting], path: str, what: str
) -> FileAction | None:
    """What to do with files in ``path``; None if there are no such files.

    Parameters
    ----------
    what
        "archive": copy the files of ``settings`` to the experiment's path ``archive``.
        "remove": remove them, or move them there if the experiment has one. "keep": the same of
        all other settings' files.

    Raises
    ------
    UsageError
        If there is no such path, or none to archive in.
    """
    has_archive = "archive" in experiment.paths or what == "archive"
    target = experiment.path("archive") if has_archive else None
    files = _files_of(experiment, settings, path, others=what == "keep")
    verb = "copy" if what == "archive" else "move" if target else "remove"
    return FileAction(verb, files, target) if files else None


def _files_of(
    experiment: Experiment, settings: Iterable[Setting], path: str, *, others: bool
) -> tuple[Path, ...]:
    """Files in the folder ``path`` that belong to ``settings``, or to any other setting."""
    from doce_plans.settings import list_settings

    folder = experiment.path(path)
    if not folder.is_dir():
        return ()
    known = {
        setting.identifier()
        for plan in experiment.plans
        for setting in list_settings(plan, [range(len(m)) for m in plan.factors.values()])
    }
    wanted = {setting.identifier() for setting in settings}
    return tuple(
        file
        for file in sorted(folder.iterdir())
        # a setting's file, be it of a setting that the plans have no more; not a hidden one,
        # which is being written
        if file.is_file() and "=" in file.name and not file.name.startswith(".")
        if (_owner(file.name, known) in wanted) is not others
    )


def _owner(name: str, identifiers: set[str]) -> str | None:
    """The longest identifier that ``name`` begins with, before a ``_``.

    ``...+transcoder=cnn_mels_score.npy`` is no file of ``...+transcoder=cnn``.
    """
    cut = name.rfind("_")
    while cut > 0 and name[:cut] not in identifiers:
        cut = name.rfind("_", 0, cut)
    return name[:cut] if cut > 0 else None
