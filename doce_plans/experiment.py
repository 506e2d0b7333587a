"""An experiment: its plans, its metrics, and where its files are."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from doce_plans.grammar import find_plan
from doce_plans.plans import Modality, Plan
from doce_plans.selectors import SettingSelection, select
from doce_plans.settings import Setting
from transcoder.errors import UsageError
from transcoder.files import EXPORT_ROOT


@dataclass(frozen=True)
class Metric:
    """One number for each setting, made of the array that its metric step left.

    Raises
    ------
    UsageError
        For ``significance`` without ``better``, or another ``better`` than those named here.
    """

    name: str
    path: str  # the experiment's named path of the files <id>_<output>.npy
    output: str = ""  # as name, if empty
    func: str = "mean"  # the numpy function from array to number
    better: str | None = None  # "higher" or "lower"
    significance: bool = False  # test the other settings' arrays against the best one's
    percent: bool = False  # shown times 100, with two decimals less
    precision: int = 2  # decimals

    def __post_init__(self) -> None:
        if self.better not in (None, "higher", "lower"):
            raise UsageError(f"metric {self.name}: better is 'higher', 'lower' or None")
        if self.significance and not self.better:
            raise UsageError(f"metric {self.name}: significance needs to know what is better")
        if not self.output:
            object.__setattr__(self, "output", self.name)

    @property
    def label(self) -> str:
        """Name and unit."""
        return f"{self.name} %" if self.percent else self.name

    def format(self, value: float) -> str:
        """The number as tables show it."""
        if self.percent:
            return f"{100 * value:.{max(0, self.precision - 2)}f}"
        return f"{value:.{self.precision}f}"


@dataclass(frozen=True)
class Experiment:
    """What the command line, the tables and the steps need to know about an experiment.

    Parameters
    ----------
    name, purpose
        Shown by ``-i`` and ``--help``; the name is also that of exports without a name.
    plans, metrics
        In the order in which numbers on the command line count them.
    paths
        Folders by name, relative to ``folder``. ``export`` is always there; with ``archive``
        set, removed files are moved there.
    outputs
        From a setting and the experiment to all the files that the setting's step leaves.
    folder
        Root of the experiment's files.
    given
        Options of the command line that advised commands have to repeat: `Parser.given`.
    remarks
        From the settings of a table's rows to what its readers must know of each: that it is a
        trial's, for instance; empty texts for what is as its name says.
    """

    name: str
    purpose: str
    plans: Sequence[Plan]
    metrics: Sequence[Metric]
    paths: Mapping[str, str]
    outputs: Callable[[Setting, "Experiment"], Sequence[Path]]
    folder: Path = Path()
    given: str = ""
    remarks: Callable[[Sequence[Setting], "Experiment"], Sequence[str]] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "plans", tuple(self.plans))
        object.__setattr__(self, "metrics", tuple(self.metrics))
        object.__setattr__(self, "paths", {"export": "export", **self.paths})
        for metric in self.metrics:
            self.path(metric.path)

    def at(self, folder: str | Path) -> "Experiment":
        """The same experiment with its files in ``folder``."""
        return dataclasses.replace(self, folder=Path(folder).expanduser().absolute())

    def placed(self, folder: str | Path, usual: Path) -> "Experiment":
        """As `at`; tables go to the project's folder ``export``.

        Of another folder than the ``usual`` one they go to its own.
        """
        there = self.at(folder)
        export = EXPORT_ROOT if there.folder == usual else there.folder / "export"
        return dataclasses.replace(there, paths={**self.paths, "export": str(export)})

    def path(self, name: str) -> Path:
        """The folder of this name; `UsageError` if there is none."""
        if name not in self.paths:
            known = ", ".join(self.paths)
            raise UsageError(f"{self.name} has no path {name!r}: there are {known}")
        return self.folder / self.paths[name]

    def file(self, path: str, setting: Setting, output: str, suffix: str = ".npy") -> Path:
        """``<identifier>_<output><suffix>`` in the folder named ``path``."""
        return self.path(path) / f"{setting.identifier()}_{output}{suffix}"

    def outputs_of(self, setting: Setting) -> list[Path]:
        """All the files that the setting's step leaves when it ends well."""
        return list(self.outputs(setting, self))

    def select(self, *selectors: str | None) -> SettingSelection:
        """The settings that each selector names, in their order: see `selectors.select`."""
        first, *more = (select(self.plans, selector) for selector in selectors or (None,))
        return sum(more, first)

    def setting(self, plan: str, **values: Modality) -> Setting:
        """One setting by its values; factors with a single modality may be left out.

        Raises
        ------
        UsageError
            For an unknown plan, factor or modality, or a factor without a value.
        """
        from doce_plans.settings import make_setting

        return make_setting(find_plan(self.plans, plan), values)
