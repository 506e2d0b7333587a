"""Run the training experiment on this computer, one model after the other, the oracle first.

Each model is trained, evaluated and scored in a process of its own. After a failure the others go
on, and failures are listed at the end. Run again, it goes on where it was.
"""

import argparse
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from exp_train_model.launch_experiment.choice import (
    add_launch_options,
    chosen_models,
    chosen_references,
    main_command,
)
from exp_train_model.stopping import StopRequest, stop_request
from features.files import SPLITS, create_command, split_path
from transcoder.cli import Parser, reports_errors
from transcoder.errors import MissingFileError
from transcoder.processes import end_with_parent

_POLL_S = 0.2


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    add_launch_options(parser, "--exp_type")
    parser.add_argument("--dry_run", action="store_true", help="only show the commands")
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    selectors = chosen_references(args) + chosen_models(args)
    return launch(args, {selector: selector for selector in selectors})


def launch(args: argparse.Namespace, selectors: Mapping[str, str]) -> int:
    """Run the models of ``selectors``, by what to call them; the exit status of all."""
    commands = {name: [*main_command(args), "-s", s] for name, s in selectors.items()}
    if args.dry_run:
        print(*map(shlex.join, commands.values()), sep="\n")
        return 0
    for split in SPLITS:  # one message for all models, rather than a failure of each
        path = split_path(args.data_path, args.dataset, split)
        if not path.is_file():
            raise MissingFileError(
                f"{path} is missing; make it with: {create_command(args.dataset, args.data_path)}"
            )
    return run_all(commands)


def run_all(commands: Mapping[str, Sequence[str]]) -> int:
    """Run ``commands`` by what to call them, one after the other; the exit status of all."""
    failed = {}
    with stop_request() as stop:
        for number, (selector, command) in enumerate(commands.items(), start=1):
            print(f"[{number}/{len(commands)}] {selector}", flush=True)
            start = time.monotonic()
            status = _run(command, stop)
            if stop:
                print(f"stopped at {selector}; the same command goes on", file=sys.stderr)
                return 128 + stop.signal_number
            print(f"  {'failed' if status else 'done'} in {time.monotonic() - start:.0f} s")
            if status:
                failed[selector] = status
    for selector, status in failed.items():
        print(f"failed with exit status {status}: {selector}", file=sys.stderr)
    return 1 if failed else 0


def _run(command: list[str], stop: StopRequest) -> int:
    """The exit status of ``command``; a signal that asks us to stop is handed on to it."""
    process = subprocess.Popen(command, preexec_fn=end_with_parent)
    handed_on = False
    while process.poll() is None:
        if stop and not handed_on:
            process.send_signal(stop.signal_number)
            handed_on = True
        time.sleep(_POLL_S)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
