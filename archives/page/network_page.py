"""The page of a network, or of a single archive, from what is kept of its sensors' rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archives.acoustics import to_db
from archives.agreement import Agreement
from archives.page.charts import Tick, legend, site_map
from archives.page.views import Shown
from archives.presence_map import PRESENCE
from transcoder.files import atomic_write_text
from transcoder.pages import page_environment

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_LABELS = 25
_OF_LEVELS = ("LAeq", "L10, L50, L90", "Lden")
_HOUR_TICKS = [Tick(100 * hour / 24, f"{hour}:00") for hour in range(0, 25, 6)]

WORDS = {
    "LAeq": "the energy mean of the A-weighted sound level (IEC 61672-1), here of the third-octave "
    "bands from 20 Hz to 12.5 kHz.",
    "L10, L50, L90": "levels exceeded in 10, 50 and 90 % of the time by the LAeq of a second (or "
    "of the window): peaks, the usual, the background.",
    "Lden": "LAeq of day (7 to 19 h), evening (19 to 23 h, 5 dB added) and night (10 dB added), "
    "over 12, 4 and 8 hours (directive 2002/49/EC); here the energy mean over the days that have "
    "95 % of each.",
    "presence": "the share of the time in which people would hear a group, estimated from the "
    "classifier's probabilities by a map that was fitted to sounds whose content is known.",
    "LAeq of a group": "the level, of everything, in the seconds in which the group is there "
    "(presence .5 or more): columns LAeq_... of the tables.",
}


@dataclass(frozen=True, eq=False)
class About:
    """What is the same for all sensors of a page.

    Attributes
    ----------
    title : of the network
    made_by : the networks and their weights
    presence_note : what presence was fitted on, or why there is none
    agreement : of the groups
    """

    title: str
    made_by: str
    presence_note: str
    agreement: Sequence[Agreement] = ()


def write_page(path: Path, sensors: Sequence[Shown], about: About) -> None:
    """Write the page of ``sensors``, all of the same groups."""
    template = page_environment(_TEMPLATES).get_template("network.html.j2")
    atomic_write_text(path, template.render(page=_page(sensors, about)))


def _page(sensors: Sequence[Shown], about: About) -> Mapping[str, object]:
    groups = sensors[0].groups
    is_presence = sensors[0].kind == PRESENCE
    uri, ticks = legend()
    common = [n for n in sensors[0].notes if all(n in sensor.notes for sensor in sensors)]
    anchors = [f"sensor-{number}" for number in range(1, len(sensors) + 1)]
    return {
        "title": about.title,
        "answer": answer_of(sensors),
        "notes": common,
        "map": _map(sensors, anchors),
        "sensors": [
            vars(sensor) | {"anchor": a, "notes": [n for n in sensor.notes if n not in common]}
            for sensor, a in zip(sensors, anchors, strict=True)
        ],
        "groups": groups,
        "has_dates": any(sensor.has_dates for sensor in sensors),
        "share": "presence" if is_presence else "mean probability",
        "shares_note": about.presence_note,
        "hour_ticks": _HOUR_TICKS,
        "legend_uri": uri,
        "legend_ticks": ticks,
        "agreement": [row for row in about.agreement if row.group in groups],
        "agreement_s": max((row.seconds for row in about.agreement), default=0),
        "made_by": about.made_by,
        "words": {word: text for word, text in WORDS.items() if is_presence or word in _OF_LEVELS},
    }


def _map(sensors: Sequence[Shown], anchors: Sequence[str]) -> Mapping[str, object] | None:
    placed = [(s, a) for s, a in zip(sensors, anchors, strict=True) if s.place is not None]
    drawn = site_map([(sensor.sensor, *sensor.place) for sensor, _ in placed])
    if drawn is None:
        return None
    dots = zip(drawn.dots, placed, strict=True)
    return vars(drawn) | {
        "dots": [vars(dot) | {"anchor": anchor} for dot, (_, anchor) in dots],
        "has_labels": len(drawn.dots) <= _MOST_LABELS,
    }


def answer_of(sensors: Sequence[Shown]) -> str:
    """The page in a sentence: how long, how loud, how much of each group."""
    seconds = np.array([sensor.seconds for sensor in sensors])
    means = seconds @ np.array([sensor.means for sensor in sensors]) / seconds.sum()
    hours = seconds.sum() / 3600
    length = f"{hours:.0f} hours" if hours >= 3 else f"{60 * hours:.0f} min"
    where = f" of {len(sensors)} sensors" if len(sensors) > 1 else ""
    text = f"{length} of levels{where}, LAeq {float(to_db(means[0])):.1f} dB"
    if sensors[0].kind == PRESENCE and sensors[0].groups:
        shares = zip(sensors[0].groups, means[1:].tolist(), strict=True)
        text += f"; of the time, {', '.join(f'{name} {share:.0%}' for name, share in shares)}"
    return f"{text}."
