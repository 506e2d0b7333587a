"""What every script's command line shares; imports nothing heavy, so that --help stays fast."""

import argparse
import contextlib
import functools
import logging
import math
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from transcoder.doors import fault_of
from transcoder.errors import UsageError, UserError
from transcoder.options import option
from transcoder.programs import as_typed

_SAME = (("output", "output_path"), ("exp_type", "experiment_size"), ("dataset", "dataset_type"))
"""Options that the published programs call by two names: each is understood for the other."""

_NO_READER = 141  # as a shell reports a program that SIGPIPE ended
_TERMINATED = 143  # or SIGTERM


class _Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Keeps the description's line breaks and shows each default that says something."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, [], True, False):  # a switch is off until it is given
            return action.help
        return super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """Argument parser that shows defaults and takes ``--data-path`` for ``--data_path`` too.

    The published scripts spell options with underscores, most programs with hyphens: every long
    option is understood in both spellings, and every choice in any case (``Yamnet``, ``pann``).
    ``aliases`` are other words for choices; they are not shown in the help.
    """

    aliases: Mapping[str, str] = MappingProxyType({})

    def __init__(self, **kwargs) -> None:
        kwargs.setdefault("formatter_class", _Formatter)
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(**kwargs)

    def parse_known_args(self, args: Sequence[str] | None = None, namespace=None):
        args = sys.argv[1:] if args is None else args
        return super().parse_known_args([self._known_spelling(a) for a in args], namespace)

    def format_help(self) -> str:
        return as_typed(super().format_help())

    def given(self, args: argparse.Namespace, *names: str) -> str:
        """The paths among ``args`` that are not the usual ones, for commands that we advise."""
        return "".join(option(n, getattr(args, n), self.get_default(n)) for n in names)

    def _get_value(self, action: argparse.Action, text: str):
        value = super()._get_value(action, text)
        is_endless = isinstance(value, float) and not math.isfinite(value)
        if is_endless or (type(value) is int and abs(value) >> 63):  # NumPy's and PyTorch's end
            name = "/".join(action.option_strings)
            raise UsageError(f"{name} must be a finite number, of 19 digits at most, not {text}")
        if action.choices is None or value in action.choices:
            return value
        word = self.aliases.get(text.casefold(), text).casefold()
        alike = [choice for choice in action.choices if str(choice).casefold() == word]
        return alike[0] if len(alike) == 1 else value

    def _known_spelling(self, argument: str) -> str:
        name, equals, value = argument.partition("=")
        if not name.startswith("--") or name in self._option_string_actions:
            return argument
        word = name[2:].replace("-", "_")
        same = (name for names in _SAME if word in names for name in names)
        for other in (word, word.replace("_", "-"), *same):
            if f"--{other}" in self._option_string_actions:
                return f"--{other}{equals}{value}"
        return argument


def check_least(args: argparse.Namespace, **least: int) -> None:
    """Raise `UsageError` for one of ``args`` that is given and below its ``least``."""
    for name, lowest in least.items():
        value = getattr(args, name)
        if value is not None and value < lowest:
            raise UsageError(f"--{name} must be {lowest} or more, not {value}")


class _Terminated(BaseException):
    """SIGTERM came; what is open is closed on the way out, as after Ctrl-C."""


def reports_errors(main: Callable[..., int]) -> Callable[..., int]:
    """Decorate a script's ``main(argv=None) -> int``: a `UserError` becomes one line on stderr.

    So does what files, disks and memory are to blame for: see `transcoder.doors.fault_of`. Exit
    status: what ``main`` returns; 1 or 2 for these; 130 after Ctrl-C; 141, without a word, if the
    reader of our output has seen enough (``| head``); 143 after SIGTERM. Any other exception is a
    defect of ours and keeps its traceback.
    """

    @functools.wraps(main)
    def wrapper(argv: Sequence[str] | None = None) -> int:
        logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
        # it would show a traceback for each malformed header that it passes over
        logging.getLogger("urllib3.connection").setLevel(logging.ERROR)
        for chatty in ("matplotlib", "numexpr"):  # they report their own start as INFO
            logging.getLogger(chatty).setLevel(logging.WARNING)
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no text
        try:
            with _ended_by_sigterm():
                status = main(argv)
                sys.stdout.flush()
            return status
        except UserError as error:
            return _say(error, error.exit_status)
        except BrokenPipeError:
            if not _reader_has_gone():
                raise
            return _NO_READER
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
        except _Terminated:
            print("terminated", file=sys.stderr)
            return _TERMINATED
        except Exception as error:
            line = fault_of(error)
            if line is None:
                raise
            return _say(line, 1)

    return wrapper


def _say(error: object, status: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return status


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Within, SIGTERM raises `_Terminated`: processes and files that we opened are closed."""

    def terminate(_number, _frame) -> None:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may ask for signals
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _reader_has_gone() -> bool:
    """Whether stdout is a pipe that nobody reads any more; then what it buffers is dropped."""
    poll = select.poll()
    poll.register(sys.stdout, select.POLLOUT)
    if not any(event & select.POLLERR for _, event in poll.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True
