"""Write the three data sets of ``DEMO``."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from demo_scenes import sonyc_ust, tau, urbansound8k
from demo_scenes.clips import Clip, ClipSet, write_clip
from transcoder.errors import UsageError, UserError
from transcoder.files import atomic_write_text
from transcoder.marks import code_mark
from transcoder.names import DEMO, DEMO_MARK
from transcoder.processes import map_all

_MARKER = "settings.json"
_MARK_TEXT = """\
The sounds in this folder were made by rule (demo_scenes), they are no recordings: features and
scores of them bear the name DEMO, and say nothing about how good a method is.
"""


def plan_all(size: float = 1.0, seed: int = 0) -> tuple[ClipSet, ...]:
    """What `write_all` will write; nothing is rendered yet."""
    return tuple(module.plan(size, seed) for module in (tau, urbansound8k, sonyc_ust))


def write_all(output: Path, size: float = 1.0, seed: int = 0, workers: int | None = None) -> None:
    """Write the data sets under ``output/DEMO``, keeping clips that are there already.

    Parameters
    ----------
    output : Path
        Folder that gets (or has) the folder ``DEMO``.
    size : float
        Scales the number of clips; small sizes keep a few clips of every class.
    seed : int
        Other seeds give other sounds. Files do not depend on ``workers``.
    workers : int, optional
        Processes; default: one for each core.

    Raises
    ------
    UsageError
        If ``size`` is not positive, or ``seed`` or ``workers`` is impossible.
    UserError
        If ``DEMO`` holds sounds that this program did not write.
    """
    if not 0 < size <= 1000:
        raise UsageError(f"size {size} is impossible: give a number above 0 (1 is the default)")
    if seed < 0:
        raise UsageError(f"seed {seed} is impossible: give 0 or a positive whole number")
    workers = (os.cpu_count() or 1) if workers is None else workers
    if workers < 1:
        raise UsageError(f"{workers} workers are impossible: give 1 or more")
    root = Path(output) / DEMO
    layouts = plan_all(size, seed)
    for layout in layouts:
        for leftover in (root / layout.folder / "audio").glob(".*.wav"):
            leftover.unlink()  # of a killed run; a complete file has no leading dot
    program = code_mark(Path(__file__).parent)
    _clear_other_settings(root, layouts, {"size": size, "seed": seed, "program": program})
    for layout in layouts:
        atomic_write_text(root / layout.folder / DEMO_MARK, _MARK_TEXT)
    render_clips(
        [(clip, root / layout.folder) for layout in layouts for clip in layout.clips], workers
    )
    for layout in layouts:
        for name, text in layout.tables.items():  # last: labels appear when all sounds are there
            atomic_write_text(root / layout.folder / name, text)


def render_clips(jobs: Sequence[tuple[Clip, Path]], workers: int) -> None:
    """Write each clip into its folder if it is missing there."""
    missing = [(clip, folder) for clip, folder in jobs if not (folder / clip.path).exists()]
    if missing:
        map_all(write_clip, missing, workers=workers, desc="Rendering DEMO", unit="clip")


def _clear_other_settings(root: Path, layouts: Sequence[ClipSet], settings: dict) -> None:
    """Remove what other settings left; the marker says which settings the folder is for."""
    marker = root / _MARKER
    old_clips = [p for layout in layouts for p in (root / layout.folder / "audio").glob("*.wav")]
    if not marker.exists() and old_clips:
        raise UserError(
            f"{root} holds sounds but no {_MARKER}, so DEMO did not write them: "
            "move the folder away or choose another output folder"
        )
    if marker.exists() and _read_marker(marker) == settings:
        return
    for layout in layouts:
        for name in layout.tables:
            (root / layout.folder / name).unlink(missing_ok=True)
    for path in old_clips:
        path.unlink()
    atomic_write_text(marker, json.dumps(settings, indent=2) + "\n")


def _read_marker(marker: Path) -> dict | None:
    try:
        return json.loads(marker.read_text(encoding="utf-8"))
    except ValueError:
        return None  # damaged: as good as other settings
