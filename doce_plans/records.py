"""What finished steps were made from: a record beside their outputs, compared before a skip.

An experiment's ``identity(setting, experiment)`` names all that would change the outputs of the
setting's step if it were another: marks of the data, options, the format of the step's code, and
for each input that another step left, that input's own record. A setting is done if its outputs
are there and their record says the same as the identity now.
"""

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from doce_plans.experiment import Experiment
from doce_plans.settings import Setting
from transcoder.errors import MissingFileError, UserError
from transcoder.files import atomic_write_text

Identity = dict[str, Any]
"""Names and values that JSON can hold; the record of an input is an `Identity` too."""

Identify = Callable[[Setting, Experiment], Identity]

_SHOWN = 4  # differences named in a message


def record_path(setting: Setting, experiment: Experiment) -> Path:
    """``<identifier>_made_from.json`` beside the first of the setting's outputs."""
    first = experiment.outputs_of(setting)[0]
    return first.with_name(f"{setting.identifier()}_made_from.json")


def write_record(
    setting: Setting, experiment: Experiment, identity: Identity, *, complete: bool
) -> None:
    """Note what the outputs are made from; not ``complete`` before the step runs."""
    table = {"complete": complete, "made_from": identity}
    text = json.dumps(table, indent=1, sort_keys=True)
    atomic_write_text(record_path(setting, experiment), text + "\n")


def read_record(setting: Setting, experiment: Experiment) -> Identity | None:
    """What the setting's outputs were made from; None if that is not known.

    It is not known of outputs that an older program or an interrupted run left.
    """
    table = _read(record_path(setting, experiment))
    return table["made_from"] if table["complete"] else None


def newest(
    settings: Iterable[Setting], experiment: Experiment, group: Callable[[Setting], Hashable]
) -> dict[Hashable, Identity]:
    """By ``group(setting)`` the record that was written last among its settings' records."""
    known = [s for s in settings if read_record(s, experiment)]
    known.sort(key=lambda s: record_path(s, experiment).stat().st_mtime_ns)
    return {group(s): read_record(s, experiment) for s in known}


def has_outputs(setting: Setting, experiment: Experiment) -> bool:
    """Whether all files are there that the setting's step leaves."""
    outputs = experiment.outputs_of(setting)
    return bool(outputs) and all(path.exists() for path in outputs)


def is_done(setting: Setting, experiment: Experiment, identity: Identity) -> bool:
    """Whether the outputs are there and were made from what ``identity`` names.

    A run that was interrupted is not done, and may go on if it began from the same.

    Raises
    ------
    UserError
        If the outputs were made from something else, or nobody knows from what.
    """
    if not has_outputs(setting, experiment):
        return False
    table = _read(record_path(setting, experiment))
    changed = differences(table["made_from"], identity)
    if not changed:
        return table["complete"]
    what = "their record is missing" if not table["made_from"] else _listed(changed)
    raise UserError(
        f"{setting}: its outputs are there, but not known to be made from what there is now "
        f"({what}); with --renew this is run again"
    )


def input_record(
    setting: Setting, experiment: Experiment, *, command: str, now: Mapping[str, Any]
) -> Identity:
    """The record of outputs that another step is about to read.

    Parameters
    ----------
    command
        Makes them; errors name it.
    now
        Marks that hold at present; where the record has one of these, it must be the same.

    Raises
    ------
    MissingFileError, UserError
        If the outputs are not there, nobody knows what they were made from, or it was something
        else than what there is now.
    """
    record = read_record(setting, experiment)
    if record is None:
        for path in experiment.outputs_of(setting):
            if not path.exists():
                raise MissingFileError(f"{path} is missing; make it with: {command}")
        raise UserError(
            f"{setting}: nobody knows what its outputs were made from (an older program or an "
            f"interrupted run left them); make them again with: {command}"
        )
    require_current(str(setting), record, now, command=command)
    return record


def require_current(
    what: str, record: Mapping[str, Any], now: Mapping[str, Any], *, command: str
) -> None:
    """`UserError` naming the ``command`` if marks in the record are others ``now``."""
    changed = [
        f"{path} {value}, now {now[path.rpartition('.')[2]]}"
        for path, value in _leaves(record)
        if now.get(path.rpartition(".")[2], value) != value
    ]
    if changed:
        raise UserError(f"{what}: was made from {_listed(changed)}; make it again with: {command}")


def differences(old: Any, new: Any, name: str = "") -> list[str]:
    """``name: old, now new`` for each value that two nested tables do not share."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [*new, *(key for key in old if key not in new)]
        prefix = f"{name}." if name else ""
        return [d for k in keys for d in differences(old.get(k), new.get(k), f"{prefix}{k}")]
    return [] if old == new else [f"{name}: {_short(old)}, now {_short(new)}"]


def _leaves(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _listed(changed: list[str]) -> str:
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    return "; ".join(changed[:_SHOWN]) + more


def _short(value: Any) -> str:
    return "something else" if isinstance(value, Mapping) else str(value)


def _read(path: Path) -> dict[str, Any]:
    nothing = {"complete": False, "made_from": {}}
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return nothing
    is_record = isinstance(table, dict) and isinstance(table.get("made_from"), dict)
    return nothing | table if is_record else nothing
