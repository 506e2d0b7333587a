"""The summary of a run, for the screen."""

from collections.abc import Sequence

import numpy as np

from archives.classify import Result
from archives.presence import Presence

_SHOWN = 10


def describe_result(result: Result) -> list[str]:
    """What came out of one archive: where it is, how long it is, what was irregular."""
    report = result.report
    levels = report["level_db"]
    state = "" if result.is_new else " (done before)"
    lines = [
        f"{result.path}{state}: {report['seconds']:.0f} s, {report['bands']} bands, broadband "
        f"{levels['p50']:.1f} dB (99 %: {levels['p99']:.1f} dB)"
    ]
    read_as = "; ".join(f"{name}: {value}" for name, value in report["read_as"].items())
    step_ms = report["found"]["step_s"] * 1000
    lines.append(
        f"  step: {step_ms:g} ms; {read_as}; clock: {report['clock']}; "
        f"offset: {report['offset_db']:+g} dB"
    )
    return lines + [f"  {note}" for note in report["notes"]]


def describe_presence(presence: Presence) -> list[str]:
    """The most present names: mean probability, and the time of day or bin of the highest."""
    means = presence.means()
    order = np.argsort(-means, kind="stable")[:_SHOWN]
    width = max(len(presence.names[k]) for k in order)
    hours = presence.total_s / 3600
    length = f"{hours:.1f} h" if hours >= 1 else f"{presence.total_s:.0f} s"
    lines = [f"mean probability over {length}:"]
    return lines + [f"  {presence.names[k]:<{width}}  {means[k]:.3f}" for k in order]


def merged(results: Sequence[Result]) -> Presence:
    """The presence of several archives as one series."""
    first = results[0].presence
    whole = Presence(first.names, first.width_s)
    for result in results:
        whole.merge(result.presence)
    return whole
