"""Write a corpus: the scenes in the layout of TAU, and the table of the recordings in them."""

import functools
import hashlib
import json
from pathlib import Path

import demo_scenes
from demo_scenes import tau
from open_corpus.scenes import ScenePlan, used_sources, write_scene
from open_corpus.selection import CorpusRecording
from transcoder.errors import UserError
from transcoder.files import atomic_write_text, csv_text
from transcoder.marks import code_mark
from transcoder.names import TAU_FOLDER
from transcoder.processes import map_all

SOURCES_TABLE = "open_corpus_sources.csv"
_MARKER = "settings.json"


def write_corpus(
    output: Path,
    plans: list[ScenePlan],
    sources: list[tuple[CorpusRecording, str]],
    *,
    store: Path,
    seed: int,
    workers: int,
) -> str:
    """Write the scenes that are not there yet, then the tables; gives the table of sources.

    Raises
    ------
    UserError
        If ``output`` holds scenes of other settings.
    """
    program = code_mark(Path(__file__).parent, Path(demo_scenes.__file__).parent)
    _check_marker(output, {"seed": seed, "sources": _mark_of(sources), "program": program})
    folder = output / TAU_FOLDER
    map_all(
        functools.partial(write_scene, store=store, folder=folder),
        plans,
        workers=workers,
        desc="Mixing",
        unit="scene",
    )
    tables = tau.label_tables([p.filename for p in plans], [p.split == "eval" for p in plans])
    for name, text in tables.items():  # last: labels appear when all scenes are there
        atomic_write_text(folder / name, text)
    table = sources_table(used_sources(plans, sources))
    atomic_write_text(output / SOURCES_TABLE, table)
    return table


def sources_table(sources: list[tuple[CorpusRecording, str]]) -> str:
    """Recordings with package, version, licence and split, as CSV."""
    header = ("package", "version", "licence", "file", "kind", "split", "seconds")
    rows = [
        (s.package, s.version, s.licence, s.file, s.kind, split, f"{s.seconds:.2f}")
        for s, split in sources
    ]
    return csv_text(header, sorted(rows))


def _check_marker(output: Path, settings: dict) -> None:
    """The marker says what the scenes that are there were made from."""
    marker = output / _MARKER
    text = json.dumps(settings, indent=2) + "\n"
    if not marker.exists():
        atomic_write_text(marker, text)
    elif marker.read_text(encoding="utf-8") != text:
        raise UserError(
            f"{output} holds scenes of another seed, other packages or another version of this "
            f"program: choose another --output, or delete {output / TAU_FOLDER} and {marker}"
        )


def _mark_of(sources: list[tuple[CorpusRecording, str]]) -> str:
    lines = sorted(f"{source.content} {split}" for source, split in sources)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
