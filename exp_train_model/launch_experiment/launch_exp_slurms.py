"""Submit the scripts of slurms_create.py: the reference plan, then an array job of all models that
starts when the reference has ended well."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from exp_train_model.experiment import DEFAULT_FOLDER
from exp_train_model.launch_experiment.slurms_create import (
    ARRAY_SUFFIX,
    REFERENCE_SUFFIX,
    scripts_folder,
    settings_file,
)
from transcoder.cli import Parser, reports_errors
from transcoder.errors import MissingFileError, UsageError, UserError


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "folder", type=Path, nargs="?", default=scripts_folder(DEFAULT_FOLDER),
        help="where slurms_create.py has put the scripts",
    )  # fmt: skip
    parser.add_argument("--dry_run", action="store_true", help="only show the commands")
    parser.add_argument(
        "--max_parallel", type=int, metavar="N", help="run at most N models at the same time"
    )
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    if args.max_parallel is not None and args.max_parallel < 1:
        raise UsageError("--max_parallel must be 1 or more")
    reference, models = (_script(args.folder, s) for s in (REFERENCE_SUFFIX, ARRAY_SUFFIX))
    n_models = len(settings_file(models).read_text(encoding="utf-8").splitlines())
    limit = f"%{args.max_parallel}" if args.max_parallel else ""
    first = ["sbatch", "--parsable", str(reference)]
    second = ["sbatch", "--parsable", "--kill-on-invalid-dep=yes",
              f"--array=0-{n_models - 1}{limit}"]  # fmt: skip
    if args.dry_run:
        print(shlex.join(first))
        print(shlex.join([*second, "--dependency=afterok:REFERENCE_JOB", str(models)]))
        return 0
    if shutil.which("sbatch") is None:
        raise UserError(
            "there is no sbatch here: log in to a computer that has SLURM, or run the experiment "
            "with launch_exp_py.py"
        )
    job = _submit(first)
    print(f"reference plan: job {job}")
    array = _submit([*second, f"--dependency=afterok:{job}", str(models)])
    print(f"{n_models} models: array job {array}")
    return 0


def _script(folder: Path, suffix: str) -> Path:
    found = sorted(folder.glob(f"*{suffix}"))
    if not found:
        raise MissingFileError(f"no *{suffix} in {folder}; write it with slurms_create.py")
    if len(found) > 1:
        raise UserError(f"{folder} holds scripts of several templates: remove all but one")
    return found[0].absolute()


def _submit(command: list[str]) -> str:
    """Submit a job and give its number."""
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise UserError(f"{shlex.join(command)}: {result.stderr.strip()}")
    return result.stdout.strip().split(";")[0]


if __name__ == "__main__":
    sys.exit(main())
