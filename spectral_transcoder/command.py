"""``spectral-transcoder``: all programs as one command, for where the scripts are not at hand."""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from transcoder import __version__
from transcoder.programs import COMMAND, GROUPS, PROGRAMS

_DATA_VARIABLE = "SPECTRAL_TRANSCODER_DATA"
_USAGE = f"""\
usage: {COMMAND} [--data FOLDER] PROGRAM ...

What noise sensors heard, from their third-octave levels.
{COMMAND} PROGRAM --help tells the options of a program.
"""
_OPTIONS = f"""\
options:
  --data FOLDER  folder of data sets and of all that is made (default: the current one, or
                 ${_DATA_VARIABLE}); weights that are fetched go to the cache of the
                 platform, or to $SPECTRAL_TRANSCODER_CACHE
  --version      print the version
"""


def usage() -> str:
    """The programs by what they are for."""
    width = max(map(len, PROGRAMS))
    parts = [_USAGE]
    for title, programs in GROUPS.items():
        lines = (f"  {name:{width}}  {program.about}" for name, program in programs.items())
        parts.append("\n".join((f"{title}:", *lines, "")))
    return "\n".join((*parts, _OPTIONS))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program that the first word names, with the words after it."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["--data"]:
        if len(words) < 2:
            return _refuse("--data takes a folder")
        os.environ[_DATA_VARIABLE] = str(Path(words[1]).expanduser().absolute())
        words = words[2:]
    if not words or words[0] in ("-h", "--help"):
        print(usage(), end="")
        return 0 if words else 2
    if words[0] == "--version":
        print(f"{COMMAND} {__version__}")
        return 0
    if words[0] not in PROGRAMS:
        return _refuse(f"no program {words[0]!r}: {COMMAND} --help lists them")
    sys.argv[0] = f"{COMMAND} {words[0]}"  # what the program's own help says
    # after the variable is set: the programs read it when they are imported
    return importlib.import_module(PROGRAMS[words[0]].module).main(words[1:])


def _refuse(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
