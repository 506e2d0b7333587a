"""What two runs at once leave: pairs of each program that writes, on the demo's data.

Run it from the project folder: python -m benchmarks.pairs_at_once --pairs 20

Half of the pairs have the same options, half have others; the second run starts 0 to 5 s after the
first. What the two leave must be what one of them leaves alone, or one after the other; and of the
two at least one ends well, the other does too or is refused in one line. All else is counted as
corrupt, and shown.
"""

import functools
import hashlib
import itertools
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.errors import UsageError

_MOST_DELAY_S = 5.0
_DECOYS = (".log", ".png")  # with times and versions in them, or drawn from what is compared
_LATER = {"date", "git_commit"}


@dataclass(frozen=True)
class WritingProgram:
    """A program with two sets of options; ``{out}`` is the folder that it writes to."""

    command: str
    one: str
    other: str

    def line(self, options: str, work: Path, out: Path) -> list[str]:
        text = f"{self.command} {options}".format(work=work, out=out)
        return [sys.executable, *text.split()]


_PLACES = "--device cpu --data_path {work}/features --experiment_path {out}"
PROGRAMS = {
    "features": WritingProgram(
        "exp_train_model/create_mel_tho_dataset.py --audio_dataset_path {work}/DEMO --output_path "
        "{out} --workers 2",
        "--mel_template yamnet",
        "--mel_template yamnet --dtype float16",
    ),
    "probabilities": WritingProgram(
        "exp_classif_eval/create_logit_dataset.py --audio_dataset_name URBAN-SOUND-8K "
        "--audio_dataset_path {work}/DEMO --output_path {out} --classifier YamNet --device cpu",
        "--transcoder self",
        "--transcoder pinv",
    ),
    "archives": WritingProgram(
        "classify_third_octave.py {work}/levels.npy --method texture --device cpu --output {out}",
        "--format h5",
        "--format h5 --top_k 3",
    ),
    "training": WritingProgram(
        f"exp_train_model/main_doce_training.py {_PLACES} -c -s cnn_demo/step=train+"
        "dataset=DEMO-full+classifier=YamNet+epoch=1+learning_rate=-3+kernel_size=5+nb_layers=5+"
        "dilation=1+nb_channels=16 --max_steps 2",
        "--seed 0",
        "--seed 1",
    ),
    "scores": WritingProgram(
        "exp_classif_eval/main_doce_score.py --device cpu --audio_dataset_path {work}/DEMO "
        "--data_path {work}/probabilities --experiment_path {out} -c -s deep_demo/step=train+"
        "transcoder=self+classifier=YamNet+dataset=DEMO-URBAN-SOUND-8K",
        "--seed 0",
        "--seed 1",
    ),
    "reproduce.py": WritingProgram(
        "reproduce.py --demo --device cpu --demo_work {out}/work --results {out}/results",
        "--demo_size 0.05 --only 2 3",
        "--demo_size 0.06 --only 2 3",
    ),
}


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20, help="of each program")
    parser.add_argument("--programs", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    parser.add_argument("--seed", type=int, default=0, help="of the delays")
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    if args.pairs < 1:
        raise UsageError(f"--pairs must be 1 or more, not {args.pairs}")
    delays = random.Random(args.seed)
    n_corrupt = 0
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        _prepare(work)
        for name in args.programs:
            outcomes = _try_program(name, work, args.pairs, delays)
            n_corrupt += sum(n for what, n in outcomes.items() if what.startswith("corrupt"))
            counts = ", ".join(f"{n} {what}" for what, n in sorted(outcomes.items()))
            print(f"{name}: {args.pairs} pairs: {counts}", flush=True)
    return 1 if n_corrupt else 0


def _prepare(work: Path) -> None:
    """The demo's sounds and features, probabilities, and a quarter of an hour of levels."""
    import numpy as np

    lines = (
        f"download_datasets.py -l DEMO --size 0.05 --output {work}",
        "exp_train_model/create_mel_tho_dataset.py --dataset_type full --audio_dataset_path "
        f"{work}/DEMO --output_path {work}/features",
        "exp_classif_eval/create_logit_dataset.py --audio_dataset_name URBAN-SOUND-8K "
        f"--audio_dataset_path {work}/DEMO --output_path {work}/probabilities --classifier YamNet "
        "--transcoder self --device cpu",
    )
    for line in lines:
        subprocess.run([sys.executable, *line.split()], check=True, capture_output=True)
    levels = np.random.default_rng(0).normal(-20, 8, (900 * 8, 29)).astype(np.float32)
    np.save(work / "levels.npy", levels)


def _try_program(name: str, work: Path, n_pairs: int, delays: random.Random) -> Counter:
    program, out = PROGRAMS[name], work / "out"
    outcomes: Counter = Counter()
    for number in range(n_pairs):
        second = program.other if number % 2 else program.one
        options = [program.one, second]
        delays.shuffle(options)
        expected = _alone_or_in_turn(name, work)
        runs = []
        for option in options:
            line = program.line(option, work, out)
            runs.append(
                subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            )
            time.sleep(delays.uniform(0, _MOST_DELAY_S) if len(runs) == 1 else 0)
        said = [run.communicate()[1] for run in runs]
        outcomes[_outcome(runs, said, content(out) in expected)] += 1
        shutil.rmtree(out)
    _alone_or_in_turn.cache_clear()
    return outcomes


@functools.lru_cache(maxsize=1)
def _alone_or_in_turn(name: str, work: Path) -> set[str]:
    """Contents that the program leaves when it runs once, or twice one after the other."""
    program, out = PROGRAMS[name], work / "out"
    found = set()
    for first, then in itertools.permutations((program.one, program.other)):
        for option in (first, then):
            line = program.line(option, work, out)
            subprocess.run(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            found.add(content(out))
        shutil.rmtree(out)
    return found


def _outcome(runs: list[subprocess.Popen], said: list[str], is_right: bool) -> str:
    failed = [text for run, text in zip(runs, said, strict=True) if run.returncode]
    lines = [line for text in failed for line in text.splitlines() if "error:" in line]
    tracebacks = any("Traceback" in text for text in failed)
    if not is_right or len(failed) == 2 or tracebacks or len(lines) < len(failed):
        print(*failed, sep="\n", file=sys.stderr)
        return "corrupt" if not is_right else "corrupt (badly refused)"
    if not failed:
        return "one after the other"
    return "refused: running" if "another run is writing" in lines[0] else "refused: other settings"


def content(folder: Path) -> str:
    """A mark of all the files in a folder, but for what tells the time."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        is_timing = any(word in path.name for word in ("run_log", "duration"))
        if path.is_file() and path.suffix not in _DECOYS and not is_timing:
            digest.update(str(path.relative_to(folder)).encode())
            digest.update(_content_of(path))
    return digest.hexdigest()


def _content_of(path: Path) -> bytes:
    import h5py
    import numpy as np
    import torch

    if path.suffix == ".h5":
        parts: list[bytes] = []
        with h5py.File(path) as file:
            file.visititems(
                lambda name, item: (
                    parts.append(name.encode() + np.asarray(item[()]).tobytes())
                    if isinstance(item, h5py.Dataset) and item.dtype.kind != "O"
                    else None
                )
            )
        return b"".join(parts)
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return b"".join(name.encode() + arrays[name].tobytes() for name in arrays.files)
    try:
        state = torch.load(path, weights_only=True)
    except Exception:  # no checkpoint
        lines = path.read_bytes().splitlines()
        return b"\n".join(line for line in lines if not _tells_the_time(line))
    tensors = state.items() if isinstance(state, dict) else ()
    return b"".join(
        name.encode() + (value.numpy().tobytes() if torch.is_tensor(value) else b"")
        for name, value in tensors
    )


def _tells_the_time(line: bytes) -> bool:
    return any(word.encode() in line for word in (*_LATER, "seconds", "modified_ns", "duration"))


if __name__ == "__main__":
    sys.exit(main())
