"""A plan: named factors with the modalities that an experiment tries, all with all.

And how a setting of it is written: in file names, in lists and in selectors.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from transcoder.errors import UsageError
from transcoder.names import demo_name, is_demo

_DEMO_SUFFIX = "_demo"

Modality = str | int | float | bool

FILLER = -99999
"""Stands for "this plan has no such factor" where settings of several plans are put together."""

_SIGNS_OF_SELECTORS = set("+=,/{}[]'\"")


def modality_text(modality: Modality) -> str:
    """Write a modality: floats positional with a final dot when whole, booleans as 1 and 0.

    Examples: ``0.00001`` for 1e-5, ``1.`` for 1.0, ``1`` for True.
    """
    if isinstance(modality, bool):
        return str(int(modality))
    if isinstance(modality, float):
        import numpy as np

        return np.format_float_positional(modality)
    return str(modality)


def identifier(values: Mapping[str, Modality]) -> str:
    """``factor=modality`` joined by ``+``, factors sorted by name, absent ones left out."""
    return "+".join(
        f"{factor}={modality_text(values[factor])}"
        for factor in sorted(values)
        if values[factor] != FILLER
    )


def check_modality(factor: str, modality: Modality) -> None:
    """Raise `UsageError` for what neither a file name nor a selector could express."""
    if not isinstance(modality, str | int | float):
        raise UsageError(f"factor {factor}: {modality!r} is not a string, number or boolean")
    if isinstance(modality, float) and not math.isfinite(modality):
        raise UsageError(f"factor {factor}: {modality!r} is not a finite number")
    if isinstance(modality, str) and (
        not modality or any(c.isspace() or c in _SIGNS_OF_SELECTORS for c in modality)
    ):
        raise UsageError(f"factor {factor}: {modality!r} holds a sign that selectors use")


@dataclass(frozen=True)
class Plan:
    """The settings of an experiment, or a part of them, as a full product of factors.

    Parameters
    ----------
    name
        As users write it in selectors: ``name/...``.
    factors
        Modalities of each factor; both orders count for numeric selectors and for listing.
    named_only
        Only this plan's name selects it: selectors that name no plan leave it out, and it has no
        number.

    Raises
    ------
    UsageError
        Without factors, for a factor without or with repeated modalities, or for a modality
        that a file name or a selector cannot express.
    """

    name: str
    factors: Mapping[str, Sequence[Modality]] = field(hash=False)
    named_only: bool = False

    def __post_init__(self) -> None:
        factors = {factor: tuple(modalities) for factor, modalities in self.factors.items()}
        for factor, modalities in factors.items():
            for modality in modalities:
                check_modality(factor, modality)
            if not modalities or len(set(modalities)) < len(modalities):
                raise UsageError(f"plan {self.name}: factor {factor} is empty or repeats itself")
        if not factors:
            raise UsageError(f"plan {self.name} has no factors")
        object.__setattr__(self, "factors", factors)

    def __len__(self) -> int:
        """Number of settings."""
        return math.prod(map(len, self.factors.values()))

    def index(self, factor: str, value: Modality) -> int | None:
        """Position of ``value`` among the factor's modalities, types compared too; or None."""
        for i, modality in enumerate(self.factors[factor]):
            if modality == value and type(modality) is type(value):
                return i
        return None


def with_demo(plans: Sequence[Plan], *, not_of: Sequence[str] = ()) -> tuple[Plan, ...]:
    """``plans``, and after them for each one its twin on DEMO's data sets: ``<name>_demo``.

    So the plans keep their factors, and no score of DEMO can pass for one of a real data set.
    DEMO is not there in the layouts ``not_of``.
    """

    def datasets(plan: Plan) -> list[str]:
        return [demo_name(str(d)) for d in plan.factors["dataset"] if d not in not_of]

    twins = (
        Plan(
            f"{plan.name}{_DEMO_SUFFIX}",
            {**plan.factors, "dataset": datasets(plan)},
            named_only=True,
        )
        for plan in plans
    )
    return (*plans, *twins)


def plan_on(name: str, dataset: str) -> str:
    """The plan ``name``, or where ``dataset`` is one of DEMO's, its twin of `with_demo`."""
    return f"{name}{_DEMO_SUFFIX}" if is_demo(dataset) else name


@functools.lru_cache
def merge(plans: tuple[Plan, ...]) -> Plan:
    """All factors and modalities of ``plans``, in order of first appearance.

    A factor that some plan lacks gets `FILLER` as its last modality. The product of such a plan
    can be huge: it is for looking up names and positions, never for going through.
    """
    if len(plans) == 1:
        return plans[0]
    factors: dict[str, list[Modality]] = {}
    for plan in plans:
        for factor, modalities in plan.factors.items():
            known = factors.setdefault(factor, [])
            known.extend(m for m in modalities if m not in known)
    for factor, modalities in factors.items():
        if any(factor not in plan.factors for plan in plans):
            modalities.append(FILLER)
    return Plan("all plans", factors)
