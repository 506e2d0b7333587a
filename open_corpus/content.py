"""What is heard in a sound of the bank, as far as its kind, package and name say so.

`content.csv` has a rule a line: the first that fits a sound counts. It names AudioSet classes, or
says "?" of a sound that may hold anything. A recording of the environment without a rule holds no
traffic, voice or bird; what else it holds is not known.
"""

import functools
import re
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from open_corpus.sound_bank import Sound
from transcoder.audioset import audioset_classes
from transcoder.class_tables import table_rows
from transcoder.errors import UserError

RULES = Path(__file__).with_name("content.csv")

_UNKNOWN = "?"


@dataclass(frozen=True)
class Content:
    """The AudioSet ids that a sound holds, and whether it may hold more."""

    mids: frozenset[str]
    may_be_more: bool = False
    may_be_anything: bool = False

    def holds(self, group: Set[str], *, is_everyday: bool) -> bool | None:
        """Whether the sound is one of ``group`` (AudioSet ids); None if nobody knows.

        ``is_everyday``: the rules name every sound of the group: traffic, voice and birds.
        """
        if self.mids & group:
            return True
        if self.may_be_anything or (self.may_be_more and not is_everyday):
            return None
        return False


@dataclass(frozen=True)
class _Rule:
    kind: str
    package: str
    pattern: re.Pattern[str]
    content: Content

    def fits(self, sound: Sound) -> bool:
        return (
            sound.kind == self.kind
            and self.package in ("", sound.package)
            and self.pattern.search(sound.name) is not None
        )


def content_of(sound: Sound) -> Content:
    """What the rules say of a sound."""
    for rule in _rules():
        if rule.fits(sound):
            return rule.content
    return Content(frozenset(), may_be_more=True)


@functools.cache
def _rules() -> tuple[_Rule, ...]:
    mids = {c.name: c.mid for c in audioset_classes("PANN")}
    rules = []
    for row, cells in table_rows(RULES, ("kind", "package", "pattern", "holds")):
        kind, package, pattern, holds = cells
        names = [name for name in holds.split(";") if name and name != _UNKNOWN]
        unknown = [name for name in names if name not in mids]
        if unknown:
            raise UserError(f"{RULES}, row {row}: no AudioSet class {unknown[0]!r}")
        content = Content(
            frozenset(mids[name] for name in names),
            may_be_more=kind == "environment",
            may_be_anything=holds == _UNKNOWN,
        )
        rules.append(_Rule(kind, package, re.compile(pattern), content))
    return tuple(rules)
