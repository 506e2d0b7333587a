"""Run numbered steps as the commands that a user could type; skip what is unchanged; keep a log.

A step is skipped if it ended well before, its commands are the same, and neither the files that
it reads nor those that it left have changed since (sizes and times of change are compared).
"""

import datetime
import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from transcoder.errors import UserError
from transcoder.files import WORK_ROOT, atomic_write_text
from transcoder.processes import end_with_parent
from transcoder.programs import PROJECT_ROOT, as_typed


@dataclass(frozen=True)
class NumberedStep:
    """One numbered step of the reproduction.

    ``commands`` are scripts of the project with their arguments; ``reads`` and ``writes`` are the
    files, folders and patterns (``folder/name*``) that decide whether the step has to run again.
    """

    number: int
    name: str
    commands: tuple[tuple[str, ...], ...]
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()

    def lines(self) -> list[str]:
        """The commands as one would type them in the user's folder."""
        return [_line(command) for command in self.commands]


@dataclass
class StepRecord:
    """What became of a step; an entry of the run log."""

    number: int
    name: str
    command: str
    status: str = "waiting"  # then "done", "skipped" or "failed"
    seconds: float = 0.0
    peak_memory_mb: float = 0.0

    @classmethod
    def of(cls, entry: dict) -> "StepRecord":
        """What an entry of a log says; `TypeError` if it is none."""
        record = cls(**entry)
        for field in fields(cls):
            kinds = (int, float) if field.type is float else field.type
            if not isinstance(getattr(record, field.name), kinds):
                raise TypeError(f"{field.name} is no {field.type.__name__}")
        return record


class StepFailed(UserError):
    """A step ended with a non-zero status; the message names it and how to go on."""


def run_steps(
    steps: Sequence[NumberedStep],
    *,
    state_path: Path,
    log_path: Path,
    mode: str,
) -> list[StepRecord]:
    """Run ``steps`` in order, each command in a process of its own, in the user's folder.

    Parameters
    ----------
    state_path
        JSON file of what was done before; makes resuming possible.
    log_path
        JSON file of this run: versions, and each step's time and peak memory.
    mode
        For the log: "demo", "restricted" or "detailed".

    Raises
    ------
    StepFailed
        At the first command that ends with a non-zero status; earlier results stay.
    """
    records = [StepRecord(s.number, s.name, "\n".join(s.lines())) for s in steps]
    previous = _earlier(log_path)
    log = {"started": _now(), "mode": mode, "provenance": _provenance()}
    for step, record in zip(steps, records, strict=True):
        _run_step(step, record, state_path, previous)
        kept = {r.number: asdict(r) for r in records if r.status != "waiting"}
        # steps that this run leaves out keep what an earlier run noted of them
        merged = {record.number: asdict(record) for record in previous} | kept
        log["steps"] = [merged[number] for number in sorted(merged)]
        atomic_write_text(log_path, json.dumps(log, indent=1) + "\n")
        if record.status == "failed":
            raise StepFailed(
                f"step {step.number} ({step.name}) failed; mend what its message says, then run "
                "the same command again: finished steps are skipped"
            )
    return records


def run_command(command: Sequence[str]) -> int:
    """Show and run one command; its exit status."""
    print(f"$ {_line(command)}", flush=True)
    return _run(command)[0]


def _run_step(
    step: NumberedStep, record: StepRecord, state_path: Path, previous: list[StepRecord]
) -> None:
    title = f"step {step.number}: {step.name}"
    done_before = _read_json(state_path)
    if done_before.get(str(step.number)) == _fingerprint(step):
        print(f"{title}: skipped, nothing has changed since it was done", flush=True)
        record.status = "skipped"
        for earlier in previous:
            if earlier.number == step.number:
                record.seconds = earlier.seconds
                record.peak_memory_mb = earlier.peak_memory_mb
        return
    print(f"\n{title}", flush=True)
    for command, line in zip(step.commands, step.lines(), strict=True):
        print(f"$ {line}", flush=True)
        status, seconds, memory_mb = _run(command)
        record.seconds = round(record.seconds + seconds, 1)
        record.peak_memory_mb = round(max(record.peak_memory_mb, memory_mb), 1)
        if status != 0:
            print(f"{title}: the command ended with status {status}", file=sys.stderr)
            record.status = "failed"
            return
    record.status = "done"
    state = {**_read_json(state_path), str(step.number): _fingerprint(step)}
    atomic_write_text(state_path, json.dumps(state, indent=1) + "\n")


def _run(command: Sequence[str]) -> tuple[int, float, float]:
    """Exit status, seconds and peak memory in MB of one command and the processes it waited for."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *_located(command)], cwd=WORK_ROOT, preexec_fn=end_with_parent
    )
    try:
        _, wait_status, usage = os.wait4(process.pid, 0)
    except KeyboardInterrupt:  # the terminal sends it to the command too
        process.wait()
        raise
    except BaseException:
        process.terminate()
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(wait_status)
    return process.returncode, time.perf_counter() - start, usage.ru_maxrss / 1024


def _located(command: Sequence[str]) -> Sequence[str]:
    """With the script's whole path: the command runs in the user's folder."""
    first, *others = command
    return command if first.startswith("-") else (str(PROJECT_ROOT / first), *others)


def _line(command: Sequence[str]) -> str:
    below = f"{WORK_ROOT}{os.sep}"
    return as_typed(shlex.join(("python", *(word.removeprefix(below) for word in command))))


def _fingerprint(step: NumberedStep) -> str:
    """Changes with the commands and with any file that the step reads or has written."""
    digest = hashlib.sha256("\n".join(step.lines()).encode())
    for path in (*step.reads, *step.writes):
        for file in _files(path):
            stat = file.stat()
            digest.update(f"{file}|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
        digest.update(f"{path} {path.exists()}\n".encode())
    return digest.hexdigest()


def _files(path: Path) -> list[Path]:
    found = path.parent.glob(path.name) if "*" in path.name else [path]
    files = (file for p in found for file in (p.rglob("*") if p.is_dir() else [p]))
    return sorted(file for file in files if file.is_file())


def _read_json(path: Path) -> dict:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}  # a damaged state only means that steps run again
    return found if isinstance(found, dict) else {}


def _earlier(log_path: Path) -> list[StepRecord]:
    """What earlier runs noted of their steps; nothing if their log is damaged."""
    try:
        return [StepRecord.of(entry) for entry in _read_json(log_path).get("steps", [])]
    except TypeError:
        return []


def _provenance() -> dict[str, str]:
    """Versions and device, asked of a process of its own.

    A child's peak memory counts what its parent held when it was started: the runner stays small
    by not importing torch.
    """
    code = "import json; from reproduction.runner import describe; print(json.dumps(describe()))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=WORK_ROOT, capture_output=True, text=True
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"the project's packages cannot be loaded: {reason}")
    return json.loads(done.stdout)


def describe() -> dict[str, str]:
    """Versions and commit, and the device that the commands choose by themselves."""
    import torch

    from transcoder.checkpoints import provenance
    from transcoder.devices import choose_device

    device = choose_device("auto")
    on_gpu = device.type == "cuda"
    return {**provenance(), "device": torch.cuda.get_device_name(device) if on_gpu else _cpu()}


def _cpu() -> str:
    """The processor's name where Linux tells it, and the number of cores."""
    cpuinfo = Path("/proc/cpuinfo")
    name = platform.machine()
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        name = next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), name)
    return f"CPU ({name}, {os.cpu_count()} cores)"


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
