"""Settings: one modality for each factor of a plan. Here doce is at work; import it late.

`doce.Factor` makes the product and `doce.Setting` carries one combination. Of the rest of doce
0.1 nothing is used: its identifiers, displays and file handling do not speak the language of the
published commands, and its Experiment carries the password of a mail account.
"""

import functools
import threading
from collections.abc import Iterable, Sequence

import doce

from doce_plans.identifiers import FILLER, Modality, identifier, modality_text
from doce_plans.plans import Plan
from transcoder.errors import UsageError

_factor_lock = threading.Lock()  # the mask and the cursor of a loop live on the Factor


class Setting(doce.Setting):
    """One combination of modalities of a plan; cannot be changed.

    Factors are attributes (``setting.dataset``) and keys (``setting["dataset"]``,
    ``"epoch" in setting``, ``dict(setting)``); values are plain Python, as YAML wants them.
    """

    def __init__(self, plan: Plan, indexes: Sequence[int]) -> None:
        super().__init__(_factor(plan), list(indexes))
        self._plan = plan

    def __setattr__(self, name: str, value: object) -> None:
        if "_plan" in self.__dict__:
            raise AttributeError(f"a setting cannot be changed: use replace({name!r}, ...)")
        super().__setattr__(name, value)

    def __getitem__(self, factor: str) -> Modality:
        if factor not in self.plan.factors:
            raise KeyError(factor)
        return getattr(self, factor)

    def __contains__(self, factor: str) -> bool:
        return factor in self.plan.factors

    def __iter__(self):
        return iter(self.plan.factors)

    def get(self, factor: str, default: Modality | None = None) -> Modality | None:
        """The factor's modality, or ``default`` where the plan has no such factor."""
        return getattr(self, factor) if factor in self.plan.factors else default

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Setting) and dict(self) == dict(other)

    def __hash__(self) -> int:
        return hash(self.identifier())

    def __str__(self) -> str:
        return self.identifier()

    __repr__ = __str__

    @property
    def plan(self) -> Plan:
        """The plan that the setting belongs to."""
        return self._plan

    def keys(self) -> list[str]:
        """The factors, in order of definition."""
        return list(self.plan.factors)

    @property
    def indexes(self) -> tuple[int, ...]:
        """Position of each factor's modality in the plan."""
        return tuple(self._setting)

    def identifier(self) -> str:
        """The text that begins the name of each of this setting's files."""
        return identifier(dict(self))

    def id(self, *_args, **_kwargs) -> str:
        """What doce asks for: our identifier, whatever the options."""
        return self.identifier()

    def replace(self, factor: str, value: Modality) -> "Setting":
        """The setting with another modality of one factor; `UsageError` if there is none such."""
        return make_setting(self.plan, {**dict(self), factor: value})


def make_setting(plan: Plan, values: dict[str, Modality]) -> Setting:
    """The setting of ``plan`` with these values; factors with a single modality may be left out.

    Raises
    ------
    UsageError
        For an unknown factor or modality, or a factor without a value.
    """
    for factor in values:
        if factor not in plan.factors:
            raise UsageError(
                f"plan {plan.name} has no factor {factor!r}: there are {', '.join(plan.factors)}"
            )
    indexes = []
    for factor, modalities in plan.factors.items():
        if factor not in values and len(modalities) > 1:
            raise UsageError(f"plan {plan.name}: no value given for factor {factor}")
        value = values.get(factor, modalities[0])
        index = plan.index(factor, value)
        if index is None:
            raise UsageError(
                f"plan {plan.name}: factor {factor} has no modality {value!r}, only "
                + ", ".join(map(repr, modalities))
            )
        indexes.append(index)
    return Setting(plan, indexes)


def list_settings(plan: Plan, mask: Sequence[Iterable[int]]) -> list[Setting]:
    """Settings of ``plan`` with these modality indexes for each factor, first factor slowest."""
    lists = [list(indexes) for indexes in mask]
    with _factor_lock:
        # the closing -1 keeps doce from taking lists only for several masks
        found = list(_factor(plan).mask([*lists, -1]))
    return [Setting(plan, setting._setting[: len(lists)]) for setting in found]


def values_in(frame: Plan, setting: Setting) -> list[Modality]:
    """The setting's values for all factors of ``frame``, `FILLER` where its own plan has none."""
    return [setting.get(factor, FILLER) for factor in frame.factors]


def describe(frame: Plan, setting: Setting) -> str:
    """``factor=modality`` for all factors of ``frame`` in order of definition, fillers too."""
    values = values_in(frame, setting)
    return "+".join(f"{f}={modality_text(v)}" for f, v in zip(frame.factors, values, strict=True))


def plan_table(frame: Plan) -> str:
    """Factors and modalities with their numbers, the filler between stars."""
    factor = _factor(frame)
    return factor.asPandaFrame().to_string(index=True)


@functools.lru_cache
def _factor(plan: Plan) -> doce.Factor:
    factor = doce.Factor()
    for name, modalities in plan.factors.items():
        if name.startswith("_") or hasattr(Setting, name) or hasattr(factor, name):
            raise UsageError(f"plan {plan.name}: a factor cannot be named {name!r}")
        setattr(factor, name, list(modalities))
        if FILLER in modalities:
            factor.default(name, FILLER)
    return factor
