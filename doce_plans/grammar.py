"""The language of selectors: text, dictionaries or numbers to masks over the factors of a plan.

It is that of doce as of April 2023, which the published commands are written in.
"""

import ast
import difflib
import itertools
from collections.abc import Iterable, Sequence

from doce_plans.plans import Plan, modality_text
from transcoder.errors import UsageError

Mask = list[list[int]]
"""For each factor of a plan the indexes of the modalities wanted."""


class _Text(str):
    """A modality as written in text: compared with the modalities' texts, not their values."""


def parse(plans: Sequence[Plan], text: str, *, named: bool) -> list:
    """A selector without blanks and plan name, as the dicts or lists that it stands for.

    ``named`` says whether a plan name stood before it; ``plans`` serve for hints alone.
    """
    if not text:
        return []
    if text[0] in "{[":
        try:
            value = ast.literal_eval(text)
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
            raise UsageError(f"not a selector: {text} (a bracket or quote too few?)") from None
        return list(value) if isinstance(value, tuple) else value
    if "=" not in text and not named:
        raise UsageError(f"not a selector: {text!r}{_hint(_completed(plans, text))}")
    return [dict(map(_parse_pair, part.split("+"))) for part in text.split(",")]


def _parse_pair(pair: str) -> tuple[str, _Text]:
    factor, equals, modality = pair.partition("=")
    if not (factor and equals and modality):
        raise UsageError(f"not a selector: {pair!r} is not of the form factor=modality")
    return factor, _Text(modality)


def _completed(plans: Sequence[Plan], text: str) -> list[str]:
    if text.lstrip("-").isdigit():
        return [f"[{text}]", f"{text}/"]
    return [f"{name}/" for name in _close_plans(text, plans)]


def _close_plans(name: str, plans: Sequence[Plan]) -> list[str]:
    """Names of plans like ``name``; of those that only their name selects if no other is."""
    usual = [plan.name for plan in plans if not plan.named_only]
    return _close(name, usual) or _close(name, [plan.name for plan in plans])


def find_plan(plans: Sequence[Plan], name: str) -> Plan:
    """The plan of this name or number; those that only their name selects are not counted."""
    names = [plan.name for plan in plans]
    if name in names:
        return plans[names.index(name)]
    numbered = [plan for plan in plans if not plan.named_only]
    if name.isdecimal() and int(name) < len(numbered):
        return numbered[int(name)]
    raise UsageError(
        f"unknown plan {name!r}{_hint(_close_plans(name, plans))}; the plans are {', '.join(names)}"
    )


def masks(frame: Plan, selector: dict | list) -> list[Mask]:
    """One mask for each selector inside what `parse` made."""
    if isinstance(selector, dict):
        selector = [selector]
    if selector == []:
        return [_mask_of_values(frame, {})]
    if isinstance(selector, list | tuple):
        if all(isinstance(entry, dict) for entry in selector):
            return [_mask_of_values(frame, entry) for entry in selector]
        if all(isinstance(entry, list) for entry in selector):
            return [_mask_of_indexes(frame, entry) for entry in selector]
        return [_mask_of_indexes(frame, selector)]
    raise UsageError(f"not a selector: {selector!r}")


def _mask_of_values(frame: Plan, values: dict) -> Mask:
    for factor in values:
        if factor not in frame.factors:
            raise UsageError(
                f"unknown factor {factor!r} in {frame.name}{_hint(_close(factor, frame.factors))}"
                f"; the factors are {', '.join(frame.factors)}"
            )
    mask = []
    for factor, modalities in frame.factors.items():
        wanted = values.get(factor, list(modalities))
        wanted = list(wanted) if isinstance(wanted, list | tuple) else [wanted]
        if not wanted:
            raise UsageError(f"not a selector: [] names no modality of factor {factor}")
        mask.append([_index_of(frame, factor, value) for value in wanted])
    return mask


def _index_of(frame: Plan, factor: str, value: object) -> int:
    modalities = frame.factors[factor]
    texts = [modality_text(m) for m in modalities]
    if isinstance(value, _Text):
        if value in texts:
            return texts.index(value)
        shown = texts
    else:
        index = frame.index(factor, value)
        if index is not None:
            return index
        shown = [repr(m) for m in modalities]
    word = str(value)
    # a number of another type, or a word spelled nearly so; 300 is not a slip for 100
    close = [word] if word in texts else [] if _is_number(word) else _close(word, texts)
    raise UsageError(
        f"unknown modality {str(value) if isinstance(value, _Text) else value!r} "
        f"of factor {factor} in {frame.name}{_hint(close)}"
        f"; there are {', '.join(shown)}"
    )


def _mask_of_indexes(frame: Plan, entries: Sequence) -> Mask:
    entries = list(entries)
    if len(entries) == len(frame.factors) + 1 and entries[-1] == -1:
        entries.pop()  # only there to say that the lists before are one selector
    if len(entries) > len(frame.factors):
        raise UsageError(
            f"too many indexes: {len(entries)} for the {len(frame.factors)} factors "
            f"of {frame.name} ({', '.join(frame.factors)})"
        )
    mask = []
    padded = itertools.chain(entries, itertools.repeat(-1))
    for (factor, modalities), entry in zip(frame.factors.items(), padded, strict=False):
        indexes = entry if isinstance(entry, list) else [entry]
        if entry == -1:
            indexes = range(len(modalities))
        if not indexes or not all(type(i) is int for i in indexes):
            raise UsageError(f"not a selector: {entry!r} is neither an index nor a list of them")
        for i in indexes:
            if not 0 <= i < len(modalities):
                raise UsageError(
                    f"modality index out of range: {i} for factor {factor} of {frame.name}, "
                    f"which has 0 to {len(modalities) - 1}"
                )
        mask.append(list(indexes))
    return mask


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _close(word: object, names: Iterable[str]) -> list[str]:
    """Names like ``word``, whatever the case of the letters."""
    lower = {name.lower(): name for name in names}
    return [lower[c] for c in difflib.get_close_matches(str(word).lower(), lower)]


def _hint(words: Sequence[str]) -> str:
    return f": did you mean {' or '.join(words)}?" if words else ""
