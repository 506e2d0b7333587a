"""Errors that the person at the keyboard can mend.

The library raises them with one line that says what was wrong, where, and what to do; only
``transcoder.cli`` turns them into a message and an exit status.
"""

from transcoder.programs import as_typed


class UserError(Exception):
    """Something went wrong that the user can mend; ends a script with exit status 1."""

    exit_status = 1

    def __str__(self) -> str:
        return as_typed(super().__str__())  # scripts that it advises are commands if installed


class UsageError(UserError):
    """The command line or a call's arguments ask for something impossible; exit status 2."""

    exit_status = 2


class MissingFileError(UserError):
    """A file that another command makes or fetches is not there; the message names the command."""
