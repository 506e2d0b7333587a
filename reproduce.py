"""Reproduce the paper, step by step, or try all of it on synthetic data with --demo.

Each step runs the project's own scripts and shows their commands. Started again, it goes on where
it was: steps whose inputs, settings and outputs are unchanged are skipped. At the end everything
is put together in report.html, in the folder of the results.

 1 models              5 training                      9 classification plans
 2 data sets           6 evaluation and metrics       10 classification tables
 3 paired features     7 training tables and curves   11 figures
 4 reference plan      8 class probabilities          12 audio
"""

import sys
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.doors import room_on
from transcoder.errors import UsageError, UserError
from transcoder.locks import only_run
from transcoder.options import add_device

_N_STEPS = 12
_QUICK = {"demo_size": 0.05, "demo_epochs": 1}
_QUICK_STEPS = (2, 3, 4, 5, 6, 7, 12)


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--demo",
        action="store_true",
        help="the embedded synthetic data, small networks, no network access; minutes on a CPU",
    )
    parser.add_argument(
        "--exp_type",
        choices=("restricted", "detailed"),
        default="restricted",
        help="without --demo: the models of the paper's tables, or all of its plans",
    )
    parser.add_argument("--from_step", type=int, default=1, metavar="N", help="first step to run")
    parser.add_argument("--to_step", type=int, default=_N_STEPS, metavar="N", help="last step")
    parser.add_argument("--only", type=int, nargs="+", metavar="N", help="only these steps")
    parser.add_argument("--dry_run", action="store_true", help="only print the commands")
    parser.add_argument(
        "--results",
        type=Path,
        metavar="FOLDER",
        help="where tables, figures and the report go (default: export, with --demo export/demo)",
    )
    add_device(parser)
    demo = parser.add_argument_group("demo")
    demo.add_argument(
        "--quick",
        action="store_true",
        help="a first look in a minute: few clips, one epoch, without classification and the "
        "paper's figures (steps 2 to 7 and 12), in folders of its own (demo_quick)",
    )
    demo.add_argument("--demo_size", type=float, default=1.0, help="factor on the number of clips")
    demo.add_argument(
        "--demo_epochs",
        type=int,
        choices=(1, 10, 100),
        default=100,
        help="of the small CNN-logits; CNN-mels takes 10 at most",
    )
    demo.add_argument(
        "--demo_work",
        type=Path,
        help="folder of the demo's data (default: spectral_transcoder_data/demo)",
    )
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    if args.quick and not args.demo:
        raise UsageError("--quick is a form of --demo")
    numbers = _chosen_steps(args)
    if not 0 < args.demo_size < float("inf"):
        raise UsageError(f"--demo_size must be a number above 0, not {args.demo_size:g}")

    import dataclasses

    from reproduction.scope import Reproduction
    from reproduction.steps import forecast, steps_of

    size = {"demo_size": args.demo_size, "demo_epochs": args.demo_epochs}
    reproduction = Reproduction(
        demo=args.demo,
        exp_type=args.exp_type,
        device=args.device,
        quick=args.quick,
        **(_QUICK if args.quick else size),
    )
    given = {"demo_work": args.demo_work, "results": args.results}
    given = {name: path.absolute() for name, path in given.items() if path is not None}
    reproduction = dataclasses.replace(reproduction, **given)
    steps = [step for step in steps_of(reproduction) if step.number in numbers]
    if args.dry_run:
        for step in steps:
            print(f"# step {step.number}: {step.name}", *step.lines(), sep="\n")
        return 0
    print(forecast(reproduction, steps), flush=True)
    with (
        only_run(reproduction.work / f"reproduce_{_state_name(reproduction)}"),
        only_run(reproduction.results / "reproduce"),
    ):
        return _run(reproduction, steps)


def _run(reproduction, steps: list) -> int:
    from reproduction.runner import run_command, run_steps
    from reproduction.steps import report_command

    state = reproduction.work / f"reproduce_{_state_name(reproduction)}.json"
    if not state.exists() and len(steps) == _N_STEPS:
        _require_room(reproduction.work, reproduction.required_gb)
    run_steps(
        steps,
        state_path=state,
        log_path=reproduction.results / "run_log.json",
        mode=reproduction.mode,
    )
    print("\nreport")
    return run_command(report_command(reproduction))


def _state_name(reproduction) -> str:
    return "demo" if reproduction.demo else reproduction.exp_type


def _chosen_steps(args) -> list[int]:
    every = range(1, _N_STEPS + 1)
    chosen = args.only or list(range(args.from_step, args.to_step + 1))
    if args.quick and not args.only:
        chosen = [number for number in chosen if number in _QUICK_STEPS]
    wrong = [number for number in (*chosen, args.from_step, args.to_step) if number not in every]
    if wrong:
        raise UsageError(f"there is no step {wrong[0]}: the steps are 1 to {_N_STEPS}")
    if not chosen:
        raise UsageError(f"--from_step {args.from_step} comes after --to_step {args.to_step}")
    return sorted(set(chosen))


def _require_room(folder: Path, required_gb: float) -> None:
    free_gb = room_on(folder) / 1e9
    if free_gb < required_gb:
        raise UserError(
            f"{folder}: {free_gb:.1f} GB are free, a run from the beginning takes about "
            f"{required_gb:g} GB; make room, or run single steps with --only"
        )


if __name__ == "__main__":
    sys.exit(main())
