"""Settings: one modality for each factor of a plan; their lists are doce's products.

Of doce 0.1 only `doce.Factor` is used, and imported late, as it takes a while: its identifiers,
displays and file handling do not speak the language of the published commands, and its Experiment
carries the password of a mail account.
"""

import functools
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from doce_plans.plans import FILLER, Modality, Plan, identifier, modality_text
from transcoder.errors import UsageError

_factor_lock = threading.Lock()  # the mask and the cursor of a loop live on the Factor


@dataclass(frozen=True, eq=False, repr=False)
class Setting(Mapping[str, Modality]):
    """One combination of modalities of a plan; cannot be changed.

    Its factors, in order of definition, are its keys and attributes (``setting["dataset"]``,
    ``setting.dataset``); values are plain Python, as YAML wants them.
    """

    plan: Plan
    indexes: tuple[int, ...]  # position of each factor's modality in the plan

    @functools.cached_property
    def _values(self) -> dict[str, Modality]:
        factors = zip(self.plan.factors.items(), self.indexes, strict=True)
        return {name: modalities[index] for (name, modalities), index in factors}

    def __getattr__(self, factor: str) -> Modality:
        if factor.startswith("_"):
            raise AttributeError(factor)
        try:
            return self[factor]
        except KeyError:
            raise AttributeError(f"plan {self.plan.name} has no factor {factor!r}") from None

    def __getitem__(self, factor: str) -> Modality:
        return self._values[factor]

    def __iter__(self) -> Iterator[str]:
        return iter(self.plan.factors)

    def __len__(self) -> int:
        return len(self.plan.factors)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Setting) and self._values == other._values

    def __hash__(self) -> int:
        return hash(self.identifier())

    def __str__(self) -> str:
        return self.identifier()

    __repr__ = __str__

    def identifier(self) -> str:
        """The text that begins the name of each of this setting's files."""
        return identifier(self._values)

    def selector(self, *, with_step: bool = True) -> str:
        """What selects this setting alone, or without its step: all steps of its model."""
        names = [
            name
            for name, modalities in self.plan.factors.items()
            if len(modalities) > 1 and (with_step or name != "step")
        ]
        return f"{self.plan.name}/" + "+".join(f"{name}={self[name]}" for name in names)

    def replace(self, factor: str, value: Modality) -> "Setting":
        """The setting with another modality of one factor; `UsageError` if there is none such."""
        return make_setting(self.plan, {**self._values, factor: value})


_OWN_NAMES = frozenset(dir(Setting)) | {"plan", "indexes"}


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
    return Setting(plan, tuple(indexes))


def list_settings(plan: Plan, mask: Sequence[Iterable[int]]) -> list[Setting]:
    """Settings of ``plan`` with these modality indexes for each factor, first factor slowest."""
    lists = [list(indexes) for indexes in mask]
    with _factor_lock:
        # the closing -1 keeps doce from taking lists only for several masks
        found = list(_factor(plan).mask([*lists, -1]))
    return [Setting(plan, tuple(setting._setting[: len(lists)])) for setting in found]


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
def _factor(plan: Plan) -> Any:  # a doce.Factor
    import doce

    factor = doce.Factor()
    for name, modalities in plan.factors.items():
        if name.startswith("_") or hasattr(factor, name) or name in _OWN_NAMES:
            raise UsageError(f"plan {plan.name}: a factor cannot be named {name!r}")
        setattr(factor, name, list(modalities))
        if FILLER in modalities:
            factor.default(name, FILLER)
    return factor
