"""Write SLURM scripts of the training experiment: one job for the reference plan, one array job
with a task for each model.

What a site wants (partition, account, modules, time, GPUs) stands in a template: copy one of the
folder templates, edit it and give its path. launch_exp_slurms.py submits the scripts.
"""

import shlex
import string
import sys
from collections.abc import Sequence
from pathlib import Path

from exp_train_model.experiment import DEFAULT_FOLDER
from exp_train_model.launch_experiment.choice import (
    add_launch_options,
    chosen_models,
    chosen_references,
    main_command,
)
from transcoder.cli import Parser, reports_errors
from transcoder.errors import MissingFileError, UserError
from transcoder.files import WORK_ROOT, atomic_write_text
from transcoder.programs import as_typed

TEMPLATES = Path(__file__).parent / "templates"
DEFAULT_SCRIPTS = WORK_ROOT / "exp_train_model" / "launch_experiment"
REFERENCE_SUFFIX = "_slurm_reference.slurm"
ARRAY_SUFFIX = "_slurm_models.slurm"

_BODY = """\
# SLURM warns with USR1 before the time limit: the program saves its state and leaves, and the job
# takes its place in the queue again, to go on from there.
warned=0
trap 'warned=1; kill -USR1 "$pid"' USR1
{command} &
pid=$!
wait "$pid"
status=$?
if [ "$warned" = 1 ]; then
    wait "$pid"  # the first wait ended with the signal, not with the program
    status=$?
    if [ "$status" = 138 ]; then
        scontrol requeue "${{SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}}\
${{SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}}"
    fi
fi
exit "$status"
"""


class SlurmTemplate(string.Template):
    """Places to fill are written ``%%{name}``: SLURM uses ``%x``, the shell ``$name``."""

    delimiter = "%%"


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    add_launch_options(parser, "--experiment_size")
    parser.add_argument(
        "--template", default="jean_zay", metavar="NAME|FILE",
        help=f"one of {', '.join(sorted(p.stem for p in TEMPLATES.glob('*.slurm')))}, or a file",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER",
        help="where the scripts go (default: beside this program, as published; those of another "
        "--experiment_path into its folder slurm, where all logs go)",
    )  # fmt: skip
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    folder = (args.output or scripts_folder(args.experiment_path)).absolute()
    logs = (args.experiment_path / "slurm" / "logs").absolute()
    template = find_template(args.template)
    models = chosen_models(args)
    command = shlex.join(main_command(args))
    references = " ".join(f"-s {shlex.quote(selector)}" for selector in chosen_references(args))
    settings = settings_file(folder / f"{template.stem}{ARRAY_SUFFIX}")
    line = f'"$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {shlex.quote(str(settings))})"'
    scripts = {
        REFERENCE_SUFFIX: fill(
            template, f"{command} {references}", job_name="transcoder_reference",
            log=logs / "%x-%j.out",
        ),
        ARRAY_SUFFIX: fill(
            template, f"{command} -s {line}", job_name="transcoder_models",
            log=logs / "%x-%A_%a.out", array=f"0-{len(models) - 1}",
        ),
    }  # fmt: skip
    logs.mkdir(parents=True, exist_ok=True)  # SLURM does not make it
    atomic_write_text(settings, "\n".join(models) + "\n")
    print(settings)
    for suffix, text in scripts.items():
        path = folder / f"{template.stem}{suffix}"
        atomic_write_text(path, text)
        print(path)
    print(f"{len(models)} models; submit with: {submit_command(folder)}")
    return 0


def scripts_folder(experiment_path: Path) -> Path:
    """Where the scripts of an experiment go: by default to where the published README has them."""
    if experiment_path == DEFAULT_FOLDER:
        return DEFAULT_SCRIPTS
    return experiment_path / "slurm"


def settings_file(models_script: Path) -> Path:
    """The selectors of the array job's tasks, one a line."""
    return models_script.with_suffix(".txt")


def submit_command(folder: Path) -> str:
    """The command that submits the scripts in ``folder``."""
    program = as_typed("python exp_train_model/launch_experiment/launch_exp_slurms.py")
    return program if folder == DEFAULT_SCRIPTS else f"{program} {shlex.quote(str(folder))}"


def find_template(name: str) -> Path:
    """The template of this name or path; `MissingFileError` if there is none."""
    for path in (TEMPLATES / f"{name}.slurm", Path(name)):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in TEMPLATES.glob("*.slurm")))
    raise MissingFileError(f"no template {name!r}: give a file, or one of {known}")


def fill(template: Path, command: str, *, job_name: str, log: Path, array: str = "") -> str:
    """The script that runs ``command``; with ``array`` once for each of these task numbers.

    Raises
    ------
    UserError
        If the template has a place that we do not know, or lacks one that we need.
    """
    text = template.read_text(encoding="utf-8")
    places = {
        "job_name": job_name,
        "log": str(log),
        "array": f"#SBATCH --array={array}" if array else "# no array",
        "project": shlex.quote(str(WORK_ROOT)),
        "command": _BODY.format(command=command),
    }
    broken = [value for value in (str(log), str(WORK_ROOT), job_name) if not value.isprintable()]
    if broken or "\n" in command:
        value = (broken or [command])[0]
        raise UserError(f"{value!r}: a name with a line break would add lines to the job's script")
    missing = [name for name in places if f"%%{{{name}}}" not in text]
    if missing:
        raise UserError(f"{template}: lacks the place %%{{{missing[0]}}}")
    try:
        return SlurmTemplate(text).substitute(places)
    except (KeyError, ValueError) as error:
        raise UserError(f"{template}: unknown or broken place: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
