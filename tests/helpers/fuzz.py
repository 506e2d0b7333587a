"""Attack every reader with damaged files, and tell by area how it ended.

    python tests/helpers/fuzz.py --inputs 3000 --kept /tmp/attacks

Each attack has a number: --only AREA --first N --inputs 1 repeats it. What ended badly is printed,
and its files are kept. A few hundred inputs are part of the tests (test_fuzz.py).
"""

import argparse
import collections
import gc
import importlib
import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path

import matplotlib
import torch
from attacks import AREAS, Area
from sandbox import BAD, GOOD, Outcome, attack

_NEEDED = (
    "archive_data", "archives.answer_files", "archives.arrays", "archives.classify",
    "archives.hdf5", "archives.inputs", "archives.json_records", "archives.live",
    "archives.networks", "archives.networks", "archives.presence_figure",
    "archives.options", "archives.side_by_side", "archives.typed_tables", "archives.summary",
    "classify_audio", "classify_third_octave", "h5py", "openpyxl", "pyarrow.csv",
    "pyarrow.parquet", "sensor_layouts", "single_download", "soundfile", "soxr",
    "tqdm.contrib.logging", "transcoder.transcode",
)  # fmt: skip
_MEMORY = Path("/dev/shm")  # files there reach no disk, which every write would wait for


def attacks(area: Area, first: int, n_inputs: int, kept: Path | None = None):
    """The outcome of each of some attacks on an area, and its number."""
    for seed in range(first, first + n_inputs):
        work = Path(tempfile.mkdtemp(prefix="attack_", dir=_MEMORY if _MEMORY.is_dir() else None))
        try:
            (work / "in").mkdir()
            outcome = attack(area.attack(seed, work / "in"))
            if outcome.kind in BAD and kept is not None:
                shutil.copytree(work / "in", kept / f"{area.name.split()[0]}_{seed}",
                                dirs_exist_ok=True)  # fmt: skip
            yield seed, outcome
        finally:
            shutil.rmtree(work, ignore_errors=True)


def warm_up() -> None:
    """Load what every attack needs, so that forked processes have it."""
    matplotlib.use("Agg")
    logging.disable(logging.INFO)
    for name in _NEEDED:
        importlib.import_module(name)
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()  # a collection in a forked process would copy all of its memory


def last_lines(outcome: Outcome, n_lines: int = 6) -> str:
    return "\n    ".join(outcome.text.strip().splitlines()[-n_lines:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=3000)
    parser.add_argument("--first", type=int, default=0, help="number of the first attack")
    parser.add_argument("--only", help="the area whose name begins so")
    parser.add_argument("--kept", type=Path, help="folder for what ended badly")
    args = parser.parse_args()
    warm_up()
    chosen = [a for a in AREAS.values() if args.only is None or a.name.startswith(args.only)]
    shares = sum(area.share for area in chosen)
    rows, n_bad, start_s = [], 0, time.monotonic()
    for area in chosen:
        counts: collections.Counter = collections.Counter()
        n_inputs = -(-args.inputs * area.share // shares)
        for seed, outcome in attacks(area, args.first, n_inputs, args.kept):
            counts[outcome.kind] += 1
            if outcome.kind in BAD:
                n_bad += 1
                print(f"{area.name} {seed}: {outcome.kind}\n    {last_lines(outcome)}", flush=True)
        cells = (area.name, n_inputs, *(counts[kind] for kind in GOOD + BAD))
        rows.append("| " + " | ".join(map(str, cells)) + " |")
        print(rows[-1], f"{time.monotonic() - start_s:.0f} s", file=sys.stderr, flush=True)
    print("| area | inputs | " + " | ".join(GOOD + BAD) + " |")
    print("|" + " --- |" * (2 + len(GOOD + BAD)))
    print("\n".join(rows))
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
