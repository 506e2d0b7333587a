"""How long programs take to their first line: processor time until they miss an input.

Run it from the project folder: python -m benchmarks.start_up

What is missing (levels, sounds, features, models) is said as soon as everything that a run needs is
imported, so that this is the time before anything useful can be printed.
"""

import resource
import statistics
import subprocess
import sys

from transcoder.cli import Parser, reports_errors
from transcoder.files import PROJECT_ROOT

MISSING = "no_such_folder"
COMMANDS = (
    f"classify_third_octave.py {MISSING}/a.csv",
    f"classify_audio.py {MISSING}/a.wav",
    f"generate_audio.py {MISSING}/a.wav",
    f"calibrate_presence.py {MISSING}/a.h5 {MISSING}/a.csv",
    f"export_model.py a.onnx --models {MISSING}",
    f"exp_train_model/create_mel_tho_dataset.py --audio_dataset_path {MISSING}",
    f"exp_train_model/main_doce_training.py -s reference/dataset=TEST -c --data_path {MISSING}",
    "exp_classif_eval/create_logit_dataset.py --audio_dataset_name SONYC-UST --audio_dataset_path "
    + MISSING,
    f"exp_classif_eval/main_doce_score.py -s reference/ -c --data_path {MISSING}",
    "reproduce.py --dry_run",
)


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="the median counts")
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    for command in COMMANDS:
        times = [processor_s(command) for _ in range(args.repeats)]
        print(f"{statistics.median(times):5.2f} s  {command.split()[0]}", flush=True)
    return 0


def processor_s(command: str) -> float:
    """User and system time of a program that ends by its first line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command.split()], cwd=PROJECT_ROOT, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
