"""The summary of a run, for the screen."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from archives.classify import Result
from archives.frames import LOCAL, UTC
from archives.presence import Presence
from transcoder.files import printable

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


def describe_run(results: Sequence[Result], elapsed_s: float) -> list[str]:
    """What was heard in all, and how fast."""
    lines = describe_presence(merged(results))
    new_s = sum(result.classified_s for result in results)
    if new_s:
        speed = f"{new_s / elapsed_s:.0f} s of signal a second"
        lines.append(f"{new_s:.0f} s in {elapsed_s:.0f} s: {speed}")
    return lines


def draw_presence(output: Path, results: Sequence[tuple[str, Result]]) -> list[Path]:
    """Draw the figures: one for all dates, one for each archive without, by its name."""
    from archives.presence_figure import presence_figure
    from transcoder.plots import save_figure

    dated = {LOCAL: "presence.png", UTC: "presence_utc.png"}
    series: dict[str, list[Result]] = {}
    for name, result in results:
        file_name = dated.get(result.report["clock"], f"{name}_presence.png")
        series.setdefault(file_name, []).append(result)
    for file_name, members in series.items():
        title = printable(members[0].path.stem) if len(members) == 1 else f"{len(members)} archives"
        notes = {note for r in members if (note := r.report["note"])}
        title = "\n".join((title, *sorted(notes)))
        figure = presence_figure(merged(members), members[0].report["clock"], title)
        save_figure(figure, output / file_name)
    return [output / name for name in series]


def merged(results: Sequence[Result]) -> Presence:
    """The presence of several archives as one series."""
    whole = results[0].presence
    for result in results[1:]:
        whole.merge(result.presence)
    return whole
