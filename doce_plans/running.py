"""Running the step of each selected setting, one after the other or in threads."""

import concurrent.futures
import itertools
import logging
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from doce_plans.experiment import Experiment
from doce_plans.records import (
    Identify,
    Identity,
    has_outputs,
    is_done,
    record_path,
    write_record,
)
from doce_plans.settings import Setting
from transcoder.errors import UserError
from transcoder.files import remove_temporary
from transcoder.locks import only_run

Step = Callable[[Setting, Experiment], None]

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunMode:
    """How settings are run."""

    n_threads: int = 1
    skip_done: bool = False  # leave out settings that are done
    go_on: bool = False  # after a failure, with the traceback in `failure_log`
    progress: str | None = None  # a bar with identifiers ("d"), indexes ("m"), both or neither
    renew: bool = False  # run settings again that were made from something else, or they fail


def failure_log(experiment: Experiment) -> Path:
    """Where tracebacks of failed settings go when the run goes on after them."""
    return experiment.folder / "failures.log"


def compute(
    experiment: Experiment,
    settings: Sequence[Setting],
    step: Step,
    mode: RunMode,
    identify: Identify | None = None,
) -> list[tuple[Setting, Exception]]:
    """Call ``step(setting, experiment)`` for each setting, in one process at a time.

    Parameters
    ----------
    settings
        In running order; a setting does not start before all settings of the steps before its
        own have ended.
    identify
        What a setting's outputs are made from: see `doce_plans.records`. Without, a setting is
        done when its outputs are all there.

    Returns
    -------
    failed
        The settings that failed and why; unless the run goes on, the first failure is raised.
    """
    from tqdm.contrib.logging import logging_redirect_tqdm

    for name in experiment.paths:
        experiment.path(name).mkdir(parents=True, exist_ok=True)
    run = _Run(experiment, step, mode, identify, len(settings))
    # lines of the log would tear the bar
    with logging_redirect_tqdm() if run.bar.disable is False else nullcontext(), run.bar:
        for _, batch in itertools.groupby(settings, key=lambda s: (s.plan.name, s.get("step"))):
            if mode.n_threads == 1:
                for setting in batch:
                    run.attempt(setting)
            else:
                _in_threads(run.attempt, list(batch), mode.n_threads)
    if run.n_skipped:
        LOG.info("%d of %d settings were skipped: they are done", run.n_skipped, len(settings))
    return run.failed


def _in_threads(attempt: Callable, settings: list[Setting], n_threads: int) -> None:
    pool = concurrent.futures.ThreadPoolExecutor(n_threads)
    try:
        futures = [pool.submit(attempt, setting) for setting in settings]
        for future in concurrent.futures.as_completed(futures):
            future.result()
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass
class _Run:
    experiment: Experiment
    step: Step
    mode: RunMode
    identify: Identify | None
    n_settings: int
    n_skipped: int = 0
    failed: list[tuple[Setting, Exception]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        from tqdm import tqdm

        self.bar = tqdm(total=self.n_settings, unit="setting", disable=self.mode.progress is None)

    def attempt(self, setting: Setting) -> None:
        """Run the setting's step unless it is done; keep or raise what goes wrong."""
        try:
            outputs = self.experiment.outputs_of(setting)
            with only_run(record_path(setting, self.experiment)) if outputs else nullcontext():
                self._run_unless_done(setting)
        except Exception as error:
            LOG.error("failed: %s", setting)
            if not self.mode.go_on:
                raise
            self._note_failure(setting, error)
        with self.lock:
            self.bar.update()

    def _run_unless_done(self, setting: Setting) -> None:
        identity = self.identify(setting, self.experiment) if self.identify else None
        if self.mode.skip_done and self._is_done(setting, identity):
            with self.lock:
                self.n_skipped += 1
            LOG.info("skipped, it is done: %s", setting)
            return
        if outputs := self.experiment.outputs_of(setting):
            remove_temporary(record_path(setting, self.experiment), *outputs)
        self._announce(setting)
        if identity is not None:
            write_record(setting, self.experiment, identity, complete=False)
        self.step(setting, self.experiment)
        if identity is not None:
            write_record(setting, self.experiment, identity, complete=True)

    def _announce(self, setting: Setting) -> None:
        if self.mode.progress is None:
            LOG.info("running %s", setting)
            return
        shown = {"d": str(setting), "m": str(list(setting.indexes))}
        self.bar.set_postfix_str(" ".join(shown[letter] for letter in self.mode.progress))

    def _is_done(self, setting: Setting, identity: Identity | None) -> bool:
        if identity is None:
            return has_outputs(setting, self.experiment)
        try:
            return is_done(setting, self.experiment, identity)
        except UserError as error:
            if not self.mode.renew:
                raise
            LOG.info("%s", error)
            return False

    def _note_failure(self, setting: Setting, error: Exception) -> None:
        with self.lock:
            self.failed.append((setting, error))
            with failure_log(self.experiment).open("a", encoding="utf-8") as log:
                log.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {setting}\n")
                log.write(traceback.format_exc() + "\n")
