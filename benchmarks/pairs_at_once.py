"""What two runs at once leave: pairs of each program that writes, on small data.

Run it from the project folder: python -m benchmarks.pairs_at_once --pairs 100

Half of the pairs have the same options, half have others; the second run starts after the first, by
up to the time that one takes alone and a quarter more (5 s at most). What the two leave must be
what one of them leaves alone, or one after the other; and of the two at least one ends well, the
other does too or is refused in one line. All else is counted as corrupt, and shown. Of pairs that
both end well is told whether the second began while the first ran: then it has waited, or needs no
lock. Runs are forked from a process that has loaded the libraries, as their start would take longer
than the work.
"""

import functools
import importlib
import itertools
import logging
import math
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.folder_content import content
from benchmarks.pairs_data import prepare
from transcoder.cli import Parser, reports_errors
from transcoder.errors import UsageError

_MOST_DELAY_S = 5.0
_SLOW_TO_LOAD = (
    "archives.classify", "archives.fleet", "archives.networks", "archives.side_by_side", "h5py",
    "matplotlib.pyplot", "pandas", "pyarrow.parquet", "sklearn.linear_model", "soundfile", "torch",
    "torch._dynamo", "transcoder.transcode",
)  # fmt: skip


@dataclass(frozen=True)
class WritingProgram:
    """A program with two sets of options; ``{out}`` is the folder that it writes to."""

    command: str  # begins with the program's module
    one: str
    other: str
    begins_with: str = ""  # a folder of the data that the output begins as

    def prepare_output(self, work: Path) -> None:
        """An output as it is before the first run."""
        out = work / "out"
        if out.exists():
            shutil.rmtree(out)
        if self.begins_with:
            shutil.copytree(work / self.begins_with, out, copy_function=os.link)

    def words(self, options: str, work: Path) -> list[str]:
        return f"{self.command} {options}".format(work=work, out=work / "out").split()


_PLACES = "--device cpu --data_path {work}/features --experiment_path {out}"
_CNN = "learning_rate=-3+kernel_size=5+nb_layers=5+dilation=1+nb_channels=16"
_PROBABILITIES = (
    "exp_classif_eval.create_logit_dataset --audio_dataset_name URBAN-SOUND-8K "
    "--audio_dataset_path {work}/DEMO --output_path {out} --device cpu --classifier YamNet"
)
PROGRAMS = {
    "features": WritingProgram(
        "exp_train_model.create_mel_tho_dataset --audio_dataset_path {work}/DEMO --output_path "
        "{out} --workers 2 --mel_template yamnet",
        "--dtype float32",
        "--dtype float16",
    ),
    "probabilities": WritingProgram(
        _PROBABILITIES, "--transcoder self pinv", "--transcoder pinv texture"
    ),
    "archives": WritingProgram(
        "classify_third_octave {work}/levels.npy --groups tvb --device cpu --output {out}",
        "--format h5 --window 1",
        "--format h5 --window 2",
    ),
    "network": WritingProgram(
        "classify_third_octave {work}/network --db_offset 0 --device cpu --output {out}",
        "--groups tvb",
        "--groups tvb --window 2",
    ),
    "classify_audio": WritingProgram(
        "classify_audio {work}/a.wav --draws 1 --device cpu --output {out}",
        "--window 1",
        "--window 2",
    ),
    "generate_audio": WritingProgram(
        "generate_audio {work}/a.wav --iterations 2 --device cpu --output {out}",
        "--seed 0",
        "--seed 1",
    ),
    "presence": WritingProgram(
        "calibrate_presence {work}/recordings {work}/heard.csv --output {out}/presence.json "
        "--device cpu",
        "--db_offset 0",
        "--db_offset 3",
    ),
    "demo data": WritingProgram(
        "benchmarks.short_demo -l DEMO --output {out}", "--size .01", "--size .02"
    ),
    "training": WritingProgram(
        f"exp_train_model.main_doce_training {_PLACES} --max_steps 2 -c -s "
        f"cnn_demo/step=train+dataset=DEMO-full+classifier=YamNet+epoch=1+{_CNN}",
        "--seed 0",
        "--seed 1",
    ),
    "evaluation": WritingProgram(
        f"exp_train_model.main_doce_training {_PLACES} -c -s "
        "reference_demo/transcoder=oracle+classifier=YamNet+dataset=DEMO-full",
        "--seed 0",
        "--seed 1",
    ),
    "scores": WritingProgram(
        "exp_classif_eval.main_doce_score --device cpu --audio_dataset_path {work}/DEMO "
        "--data_path {work}/probabilities --experiment_path {out} -c -s deep_demo/step=train+"
        "transcoder=self+classifier=YamNet+dataset=DEMO-URBAN-SOUND-8K",
        "--seed 0",
        "--seed 1",
    ),
    "reproduce.py": WritingProgram(
        "reproduce --demo --device cpu --demo_work {out}/work --results {out}/results",
        "--only 3",
        "--only 1 3",
        begins_with="begun",
    ),
}  # fmt: skip


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20, help="of each program")
    parser.add_argument("--programs", nargs="+", choices=PROGRAMS, default=list(PROGRAMS))
    parser.add_argument("--seconds", type=float, help="of each program at most: then fewer pairs")
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
        prepare(work)
        _load(args.programs)
        for name in args.programs:
            start_s = time.monotonic()
            end_s = math.inf if args.seconds is None else start_s + args.seconds
            outcomes = _try_program(name, work, args.pairs, end_s, delays)
            n_corrupt += sum(n for what, n in outcomes.items() if what.startswith("corrupt"))
            print(f"{name}: {_told(outcomes)} ({time.monotonic() - start_s:.0f} s)", flush=True)
    return 1 if n_corrupt else 0


def _load(names: list[str]) -> None:
    """What the programs need, so that forked processes have it."""
    for module in (*_SLOW_TO_LOAD, *(PROGRAMS[name].command.split()[0] for name in names)):
        importlib.import_module(module)
    logging.getLogger().setLevel(logging.WARNING)


@dataclass(frozen=True)
class Run:
    """A program in a process of its own."""

    process: int
    said: Path  # what it writes to stderr

    @classmethod
    def of(cls, words: list[str], said: Path) -> "Run":
        process = os.fork()
        if not process:
            _be_the_program(words, said)
        return cls(process, said)

    @property
    def is_running(self) -> bool:
        return not os.waitid(os.P_PID, self.process, os.WEXITED | os.WNOHANG | os.WNOWAIT)

    def wait(self) -> tuple[int, str]:
        """Its exit status and what it said."""
        _, status = os.waitpid(self.process, 0)
        return os.waitstatus_to_exitcode(status), self.said.read_text(errors="replace")


def _be_the_program(words: list[str], said: Path) -> None:
    import torch

    torch.set_num_threads(1)
    status = 99
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        sys.argv = words
        status = importlib.import_module(words[0]).main(words[1:])
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 2
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


def _try_program(
    name: str, work: Path, n_pairs: int, end_s: float, delays: random.Random
) -> Counter:
    program, out = PROGRAMS[name], work / "out"
    expected, alone_s = _alone(program, work)
    longest_s = min(1.25 * alone_s, _MOST_DELAY_S)
    outcomes: Counter = Counter()
    for number in range(n_pairs):
        if outcomes and time.monotonic() > end_s:
            break
        program.prepare_output(work)
        options = [program.one, program.other if number % 2 else program.one]
        delays.shuffle(options)
        first = Run.of(program.words(options[0], work), work / "first.txt")
        time.sleep(delays.uniform(0, longest_s))
        at_once = first.is_running
        second = Run.of(program.words(options[1], work), work / "second.txt")
        ends = [first.wait(), second.wait()]
        found = content(out)
        if found not in expected:
            expected |= _in_turn(program, work)
        outcomes[_outcome(ends, found in expected, at_once, number)] += 1
        print(f"so far: {name}: {_told(outcomes)}", file=sys.stderr, flush=True)
    return outcomes


def _told(outcomes: Counter) -> str:
    counts = ", ".join(f"{n} {what}" for what, n in sorted(outcomes.items()))
    return f"{outcomes.total()} pairs: {counts}"


def _alone(program: WritingProgram, work: Path) -> tuple[set[str], float]:
    """Contents that the program leaves when it runs once, and the seconds that this takes."""
    found, times = set(), []
    for options in (program.one, program.other):
        program.prepare_output(work)
        start_s = time.monotonic()
        Run.of(program.words(options, work), work / "alone.txt").wait()
        times.append(time.monotonic() - start_s)
        found.add(content(work / "out"))
    return found, max(times)


@functools.cache
def _in_turn(program: WritingProgram, work: Path) -> set[str]:
    """Contents that it leaves when it runs twice, one after the other."""
    found = set()
    for both in itertools.product((program.one, program.other), repeat=2):
        program.prepare_output(work)
        for options in both:
            Run.of(program.words(options, work), work / "alone.txt").wait()
        found.add(content(work / "out"))
    return found


def _outcome(ends: list[tuple[int, str]], is_right: bool, at_once: bool, number: int) -> str:
    failed = [text for status, text in ends if status]
    lines = [line for text in failed for line in text.splitlines() if "error:" in line]
    tracebacks = any("Traceback" in text for text in failed)
    if not is_right or len(failed) == 2 or tracebacks or len(lines) < len(failed):
        print(f"pair {number}, right: {is_right}", *ends, sep="\n", file=sys.stderr)
        return "corrupt" if not is_right else "corrupt (badly refused)"
    if not failed:
        return "both well, at once" if at_once else "both well, in turn"
    return "refused: running" if "another run is writing" in lines[0] else "refused: other settings"


if __name__ == "__main__":
    sys.exit(main())
