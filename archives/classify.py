"""One archive from its levels to its file of classes: streamed, resumable, reported."""

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archives.acoustics import describe_weighting
from archives.answers import Answers, RowParts, Rows, laeq_db
from archives.digest import N_CLASSES, Digest, DigestRows
from archives.frames import FRAME_S, LOCAL, UTC, Archive, ArchiveError
from archives.inputs import result_paths
from archives.levels import LevelHistogram, LevelScale, archive_units, duration_s, progress_bar
from archives.open_archive import ReadOptions, open_archive
from archives.presence import Presence
from archives.selection import Selection
from archives.timeline import Timeline, Units, in_parts
from archives.writers import Description, write_partitions, write_rows
from transcoder.files import atomic_write_text, printable, remove_temporary
from transcoder.parts import PartStore

logger = logging.getLogger(__name__)

_PART_S = 600  # what a killed job loses at most
_NETWORK_BIN_S = 600  # a network has thousands of files: the data set is what tells more


@dataclass(frozen=True, eq=False)
class Setup:
    """What is the same for all archives of a run."""

    answers: Answers
    selection: Selection
    about: dict[str, str]  # names and fingerprints of the networks, for the files of results
    read: ReadOptions
    scale: LevelScale
    unit_s: int
    suffix: str  # of the result: ".h5", ".parquet" or ".csv"
    sensor: str | None = None  # of a network: the result goes into its data set, in Parquet
    offset_is_measured: bool = False  # on all of the levels: the first ones may be quiet


@dataclass(frozen=True, eq=False)
class Result:
    """One classified archive; ``report`` is what its .json file says."""

    path: Path  # of the (first) file of results
    report: dict
    presence_path: Path
    digest_path: Path
    is_new: bool  # False if an earlier run had done it
    classified_s: float = 0.0  # signal that this run classified: the rest was there

    @property
    def presence(self) -> Presence:
        return Presence.load(self.presence_path)

    @property
    def digest(self) -> Digest:
        return Digest.load(self.digest_path)


def classify_archive(path: Path, name: str, output: Path, setup: Setup) -> Result:
    """Classify the archive at ``path``; write ``output/name`` + suffix and what belongs to it.

    A finished one is not done again, and one that was broken off loses 10 minutes of levels at
    most, unless the file or a setting changed. Memory does not depend on the length. One run at a
    time may write to ``output``: see `transcoder.locks`.

    Raises
    ------
    ArchiveError
        If the archive cannot be read or holds no usable levels.
    """
    archive = open_archive(path, setup.read)
    _check_clock(archive, setup)
    job = _job(path, setup)
    result_path, report_path, presence_path, digest_path = result_paths(output, name, setup.suffix)
    before = _report_before(report_path, output)
    is_kept = presence_path.is_file() and digest_path.is_file()
    if before is not None and before["job"] == job and is_kept:
        first = output / before["results"][0]
        return Result(first, before, presence_path, digest_path, is_new=False)

    remove_temporary(result_path, report_path, presence_path, digest_path)
    store = PartStore(report_path.with_name(f"{Path(name).name}.parts"), job)
    timeline = Timeline.of(path, setup.read, setup.unit_s)
    histogram = LevelHistogram()
    parts = RowParts(store)
    try:
        classified_s = _compute(archive, timeline, histogram, parts, setup)
    except ArchiveError:
        if not parts.count:
            store.remove()  # of a file that is refused, nothing stays
        raise

    finest_s = setup.unit_s if setup.sensor is None else max(setup.unit_s, _NETWORK_BIN_S)
    presence = Presence.for_units(setup.selection.names, finest_s)
    note = _note(archive, timeline)
    estimate = setup.answers.estimate
    description = _description(archive, note, setup)
    digest = Digest(estimate.names, setup.unit_s)
    rows = _watched(parts, presence, digest, description)
    results = _write_results(output, name, rows, description, setup, before)
    presence.save(presence_path)
    digest.save(digest_path)
    report = {"job": job, "results": [result.relative_to(output).as_posix() for result in results]}
    report |= {"sensor": setup.sensor, "seconds": presence.total_s, "note": note}
    report |= {"groups": estimate.names, "groups_are": estimate.kind}
    report |= _described(archive, timeline, histogram, setup.scale)
    # the report comes last: with it the archive counts as done
    atomic_write_text(report_path, json.dumps(report, indent=1))
    store.remove()
    return Result(
        results[0], report, presence_path, digest_path, is_new=True, classified_s=classified_s
    )


def _write_results(
    output: Path,
    name: str,
    rows: Iterator[Rows],
    description: Description,
    setup: Setup,
    before: dict | None,
) -> list[Path]:
    """Write the rows to their file or, in a network, to one for each month; gives the paths."""
    if setup.sensor is None:
        return [write_rows(result_paths(output, name, setup.suffix)[0], rows, description)]
    results = write_partitions(output, setup.sensor, Path(name).name, rows, description)
    for old in () if before is None else before["results"]:
        if output / old not in results:
            (output / old).unlink(missing_ok=True)  # a month that the file no longer has
    return results


def _check_clock(archive: Archive, setup: Setup) -> None:
    if setup.sensor is not None and archive.clock not in (LOCAL, UTC):
        raise ArchiveError(
            f"{archive.path}: its frames have no dates (clock: {archive.clock}); in a network they "
            "need them: give it alone, with --network none"
        )


def _description(archive: Archive, note: str | None, setup: Setup) -> Description:
    """What the file of results says about itself."""
    about = archive.attributes | setup.about | ({"note": note} if note else {})
    about |= {"source": printable(archive.path.name), "offset_db": f"{setup.scale.offset_db:g}"}
    estimate = setup.answers.estimate
    return Description(setup.selection, archive.clock, setup.unit_s, about, estimate)


def _described(
    archive: Archive, timeline: Timeline, histogram: LevelHistogram, scale: LevelScale
) -> dict:
    """What a report says of the archive as it was read."""
    return {
        "clock": archive.clock,
        "bands": len(archive.bands),
        "read_as": archive.understood,
        "attributes": archive.attributes,
        "found": asdict(timeline.found),
        "notes": timeline.found.describe(archive.clock),
        "offset_db": scale.offset_db,
        "level_db": {f"p{p}": histogram.percentile(p) for p in (1, 50, 99)},
        "level_warning": histogram.complaint(),
    }


def _note(archive: Archive, timeline: Timeline) -> str | None:
    """What every output says of levels that are not as the networks take them."""
    weighting = describe_weighting(archive.weighting)
    notes = (timeline.found.step_note(), weighting and f"levels were {weighting}")
    return "; ".join(filter(None, notes)) or None


def _compute(
    archive: Archive,
    timeline: Timeline,
    histogram: LevelHistogram,
    parts: RowParts,
    setup: Setup,
) -> float:
    """Fill ``parts``. What it already has is read and put in time again, but not classified.

    Returns the seconds of signal classified.
    """
    units_per_part = max(1, _PART_S // setup.unit_s)
    done = parts.count
    classified_s = 0.0
    units = archive_units(archive, timeline, setup.scale)
    bar = progress_bar(
        archive,
        initial=done * units_per_part * setup.unit_s,
        disable=setup.sensor is not None,
    )
    with bar as progress:
        for number, part in enumerate(in_parts(units, units_per_part)):
            histogram.add(part)
            progress.total = duration_s(archive, timeline)
            if number == 0 and not setup.offset_is_measured and histogram.complaint():
                logger.warning("%s: %s", archive.path, histogram.complaint())
            if number < done:
                continue
            parts.append(_rows(part, setup))
            classified_s += float(part.n_seconds.sum())
            progress.update(int(part.n_seconds.sum()))
    return classified_s


def _rows(units: Units, setup: Setup) -> Rows:
    probabilities, groups = setup.answers.hear(units)
    values, indices = setup.selection.apply(probabilities)
    return Rows(
        times_s=units.times_s,
        coverage=(units.n_frames * FRAME_S / setup.unit_s).astype(np.float32),
        segment=units.segment,
        values=values,
        indices=indices,
        laeq_db=laeq_db(units, setup.scale),
        groups=groups,
    )


def _watched(
    parts: RowParts, presence: Presence, digest: Digest, description: Description
) -> Iterator[Rows]:
    """The parts on their way to the writer, counted into ``presence`` and ``digest``."""
    for rows in parts:
        dense = description.selection.dense(rows.values, rows.indices)
        presence.add(rows.times_s, dense, rows.coverage * description.unit_s)
        digest.add(_digest_rows(rows, dense, description))
        yield rows


def _digest_rows(rows: Rows, dense: NDArray[np.float32], description: Description) -> DigestRows:
    """What a digest takes of rows; ``dense``: their values in the order of all names."""
    names = np.array([*description.selection.names, *[""] * N_CLASSES])
    padded = np.pad(dense, ((0, 0), (0, N_CLASSES)))
    best = np.argsort(-padded, axis=1, kind="stable")[:, :N_CLASSES]
    return DigestRows(
        times_s=rows.times_s,
        seconds=rows.coverage * description.unit_s,
        laeq_db=rows.laeq_db.astype(np.float64),
        groups=rows.groups,
        classes=names[best],
        values=np.take_along_axis(padded, best, axis=1),
    )


def _job(path: Path, setup: Setup) -> dict:
    """Everything that the result depends on, as plain JSON values."""
    stat = path.stat()
    job = {
        "file": str(path.resolve()),
        "bytes": stat.st_size,
        "modified_ns": stat.st_mtime_ns,
        "unit_s": setup.unit_s,
        **setup.selection.as_dict(),
        "read": asdict(setup.read),
        "scale": asdict(setup.scale),
        "about": setup.about,
        "sensor": setup.sensor,
        "suffix": setup.suffix,
    }
    return json.loads(json.dumps(job))


def _report_before(report_path: Path, output: Path) -> dict | None:
    """The report of an earlier run whose results are all there."""
    try:
        report = json.loads(report_path.read_text(encoding="utf-8"))
        is_whole = "job" in report and all((output / name).is_file() for name in report["results"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return report if is_whole and report["results"] else None
