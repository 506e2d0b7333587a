"""The command line that both experiments share: doce's options, working as they are meant to.

An experiment's main script makes a parser with `doce_plans.options.build_parser`, adds options of
its own, and hands the parsed arguments and its step function to `run`.
"""

import argparse
import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from doce_plans.experiment import Experiment
from doce_plans.plans import merge
from doce_plans.records import Identify
from doce_plans.running import RunMode, Step, compute, failure_log
from doce_plans.selectors import SettingSelection
from transcoder import __version__
from transcoder.errors import UsageError, UserError


def run(
    experiment: Experiment,
    step: Step | None,
    args: argparse.Namespace,
    identify: Identify | None = None,
) -> int:
    """Do what the command line asks for.

    Parameters
    ----------
    experiment
        With its folder set: see `Experiment.at`.
    step
        Called as ``step(setting, experiment)`` for each selected setting with ``-c``; without, it
        may be None.
    args
        From the parser of `doce_plans.options.build_parser`.
    identify
        What a setting's outputs are made from: see `doce_plans.records`.

    Returns
    -------
    status
        0, or 1 if some settings failed with ``-D``.

    Raises
    ------
    UserError, UsageError
        For what ``transcoder.cli.reports_errors`` turns into a message and an exit status.
    """
    _set_up_logs(args.verbose)
    if args.version:
        _print_version(experiment)
        return 0
    _check(args)
    _export_paths(experiment, args)  # a bad name is told before anything is computed
    if args.information:
        _print_information(experiment)
    if args.plans:
        _print_plans(experiment)
    if not _needs_selection(args):
        return 0
    selection = _selection(experiment, args.select)
    _print_settings(selection, args)
    _handle_files(experiment, selection, args)
    failed = _compute(experiment, selection, step, args, identify)
    if args.display is not None:
        _show_results(experiment, selection, args)
    return 1 if failed else 0


def _needs_selection(args: argparse.Namespace) -> bool:
    wanted = (args.list, args.files, args.remove, args.keep, args.archive)
    return any(wanted) or args.compute is not None or args.display is not None


def _check(args: argparse.Namespace) -> None:
    if args.export is not None and args.display is None:
        raise UsageError("-e exports the table that -d shows: give -d too")
    if not (args.information or args.plans or _needs_selection(args)):
        raise UsageError(
            "nothing to do: -c runs, -d shows results, -l lists settings, --help tells more"
        )


def _selection(experiment: Experiment, selectors: list[str] | None) -> SettingSelection:
    selection = experiment.select(*selectors or ())
    if not selection.settings:
        raise UsageError(f"-s {' -s '.join(selectors)}: no plan has such a setting")
    return selection


def _print_version(experiment: Experiment) -> None:
    from importlib.metadata import version

    print(f"{experiment.name} of spectral-transcoder {__version__}, doce {version('doce')}")


def _print_information(experiment: Experiment) -> None:
    numbered = [plan for plan in experiment.plans if not plan.named_only]
    lines = [
        f"name: {experiment.name}",
        f"purpose: {experiment.purpose}",
        f"folder: {experiment.folder}",
        "paths:",
        *(f"  {name}: {experiment.path(name)}" for name in experiment.paths),
        "plans:",
        *(f"  {i} {plan.name}: {len(plan)} settings" for i, plan in enumerate(numbered)),
        *(
            f"    {plan.name}: {len(plan)} settings, only selected by its name"
            for plan in experiment.plans
            if plan.named_only
        ),
        "metrics:",
        *(
            f"  {metric.label} ({metric.path}/<setting>_{metric.output}.npy)"
            + (f", {metric.better} is better" if metric.better else "")
            for metric in experiment.metrics
        ),
    ]
    _print_lines(lines)


def _print_plans(experiment: Experiment) -> None:
    from doce_plans.settings import plan_table

    tables = [f"Plan {plan.name}:\n{plan_table(plan)}\n" for plan in experiment.plans]
    together = tuple(plan for plan in experiment.plans if not plan.named_only)
    _print_lines([*tables, f"All plans:\n{plan_table(merge(together))}"])


def _print_settings(selection: SettingSelection, args: argparse.Namespace) -> None:
    from doce_plans.settings import describe

    if args.list:
        _print_lines(describe(selection.frame, setting) for setting in selection)
    if args.files:
        _print_lines(setting.identifier() for setting in selection)


def _print_lines(lines: Iterable[str]) -> None:
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _handle_files(
    experiment: Experiment, selection: SettingSelection, args: argparse.Namespace
) -> None:
    from doce_plans.outputs import plan_action

    what = next((name for name in ("archive", "remove", "keep") if getattr(args, name)), None)
    if what is None:
        return
    path = getattr(args, what)
    action = plan_action(experiment, selection, path, what)
    if action is None:
        print(f"no such files in {experiment.path(path)}")
        return
    described = str(action)  # before: afterwards its files are gone
    if not args.yes:
        _confirm(described)
    action.carry_out()
    print(f"done: {described}")


def _confirm(what: str) -> None:
    if not sys.stdin.isatty():
        raise UserError(f"about to {what}, but there is no terminal to ask: give --yes")
    if input(f"About to {what}. Proceed? [y/N] ").strip().lower() not in ("y", "yes"):
        raise UserError("nothing done")


def _compute(
    experiment: Experiment,
    selection: SettingSelection,
    step: Step,
    args: argparse.Namespace,
    identify: Identify | None,
) -> bool:
    """Run the steps; list failures and say so."""
    if args.compute is None:
        return False
    failed = compute(
        experiment,
        selection.in_running_order(),
        step,
        RunMode(args.compute, args.skip, args.detached, args.progress, args.renew),
        identify,
    )
    if failed:
        print(
            f"{len(failed)} of {len(selection)} settings failed, "
            f"tracebacks are in {failure_log(experiment)}:",
            *(f"  {setting}: {type(error).__name__}: {error}" for setting, error in failed),
            sep="\n",
            file=sys.stderr,
        )
    return bool(failed)


def _show_results(
    experiment: Experiment, selection: SettingSelection, args: argparse.Namespace
) -> None:
    from doce_plans.export import export_table
    from doce_plans.tables import make_table

    table = make_table(experiment, selection, args.display).with_remarks()
    _print_lines([str(table)])
    for path in _export_paths(experiment, args):
        export_table(table, path)
        print(path)


def _export_paths(experiment: Experiment, args: argparse.Namespace) -> list[Path]:
    from doce_plans.export import export_paths

    if args.export is None:
        return []
    return export_paths(experiment.path("export"), args.export, experiment.name)


def _set_up_logs(verbose: bool) -> None:
    """With ``verbose`` all that the project's own modules say; other libraries stay as they are."""
    logging.getLogger("numexpr").setLevel(logging.WARNING)  # comes with doce, counts threads aloud
    if not verbose:
        return
    for name in ("__main__", "transcoder", "doce_plans", "exp_train_model", "exp_classif_eval"):
        logging.getLogger(name).setLevel(logging.DEBUG)
