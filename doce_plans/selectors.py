"""From a selector to the settings that it names, in the order it asks for."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from doce_plans.grammar import Mask, find_plan, masks, parse
from doce_plans.plans import FILLER, Plan, merge
from doce_plans.settings import Setting


@dataclass(frozen=True)
class SettingSelection:
    """The settings that a selector names, in its order, and the plans it looked through."""

    settings: tuple[Setting, ...]
    plans: tuple[Plan, ...]

    @property
    def frame(self) -> Plan:
        """The factors in force: those of the plan named, or of all plans put together."""
        return merge(self.plans)

    def __iter__(self):
        return iter(self.settings)

    def __len__(self) -> int:
        return len(self.settings)

    def __add__(self, other: "SettingSelection") -> "SettingSelection":
        """Both, one after the other; a setting that is in both keeps its first place."""
        return SettingSelection(
            tuple(dict.fromkeys(self.settings + other.settings)),
            tuple(dict.fromkeys(self.plans + other.plans)),
        )

    def in_running_order(self) -> list[Setting]:
        """Each plan's settings after those of the plan before, its steps in order of definition.

        A selector that names a plan is run as written. Where several plans are put together,
        the order of the whole puts, for instance, ``evaluate`` before ``train``.
        """
        if len(self.plans) == 1:
            return list(self.settings)
        return sorted(self.settings, key=lambda s: (self.plans.index(s.plan), s.indexes))


def select(plans: Sequence[Plan], selector: str | None = None) -> SettingSelection:
    """The settings of ``plans`` that ``selector`` names.

    Parameters
    ----------
    plans
        The experiment's plans in their order.
    selector
        ``plan/factor=modality+factor=modality,...``, or without ``plan/``; in place of factors
        a dict or a list of dicts of modalities, or a list of modality indexes. Nothing: all
        settings.

    Raises
    ------
    UsageError
        For unknown names, indexes out of range and what is no selector; offers close matches.
    """
    text = "".join((selector or "").split())
    is_named = "/" in text and text[0] not in "{["
    if is_named:
        name, _, text = text.partition("/")
    parsed = parse(plans, text, named=is_named)
    in_force = (
        (find_plan(plans, name),) if is_named else tuple(p for p in plans if not p.named_only)
    )
    frame = merge(in_force)
    return SettingSelection(_list_settings(in_force, frame, masks(frame, parsed)), in_force)


def _list_settings(plans: tuple[Plan, ...], frame: Plan, masks: list[Mask]) -> tuple:
    """Settings of each mask after those of the mask before; sorted if any two masks overlap."""
    found = [item for mask in masks for item in _settings_of_mask(plans, frame, mask)]
    repeats = any(len(set(indexes)) < len(indexes) for mask in masks for indexes in mask)
    if repeats or any(_overlap(a, b) for a, b in itertools.combinations(masks, 2)):
        found.sort(key=lambda item: item[0])
    unique = dict(reversed(found))  # the first plan that has a setting owns it
    return tuple(unique[place] for place in dict.fromkeys(place for place, _ in found))


def _overlap(a: Mask, b: Mask) -> bool:
    return all(set(x) & set(y) for x, y in zip(a, b, strict=True))


def _settings_of_mask(
    plans: tuple[Plan, ...], frame: Plan, mask: Mask
) -> list[tuple[tuple[int, ...], Setting]]:
    """Settings of any plan, each with its indexes in ``frame``, in the order of the mask.

    Goes through plan by plan: the product of ``frame`` can hold a hundred million settings.
    """
    from doce_plans.settings import list_settings, values_in

    found = []
    for plan in plans:
        own = _own_mask(plan, frame, mask)
        if own is not None:
            found += list_settings(plan, own)
    index = [{m: i for i, m in enumerate(ms)} for ms in frame.factors.values()]
    placed = [
        (tuple(ix[v] for ix, v in zip(index, values_in(frame, s), strict=True)), s) for s in found
    ]
    if len(plans) > 1:
        rank = [{i: position for position, i in enumerate(indexes)} for indexes in mask]
        placed.sort(key=lambda item: tuple(r[i] for r, i in zip(rank, item[0], strict=True)))
    return placed


def _own_mask(plan: Plan, frame: Plan, mask: Mask) -> Mask | None:
    """``mask`` over ``frame`` as a mask over ``plan``; None if it selects nothing there."""
    own = {}
    for (factor, modalities), indexes in zip(frame.factors.items(), mask, strict=True):
        wanted = [modalities[i] for i in indexes]
        if factor in plan.factors:
            mine = plan.factors[factor]
            own[factor] = [mine.index(m) for m in wanted if m in mine]
            if not own[factor]:
                return None
        elif FILLER not in wanted:
            return None
    return [own[factor] for factor in plan.factors]
