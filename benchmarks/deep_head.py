"""How long the deep plan of UrbanSound8K takes: 4 settings x 10 folds x 30 epochs."""

import sys
import time

from transcoder.cli import Parser, reports_errors

N_FILES = 8732
N_FOLDS = 10
N_CLASSES = 10
SETTINGS = ("PANN, self", "PANN, cnn", "YamNet, self", "YamNet, cnn")


def build_parser() -> Parser:
    parser = Parser(description=f"{__doc__} Probabilities and labels are random.")
    parser.add_argument("--device", default="cpu", help="as torch names it")
    parser.add_argument("--threads", type=int, help="of torch (default: as torch chooses)")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument(
        "--separately", action="store_true", help="fold after fold, to see what batching gains"
    )
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    import numpy as np
    import torch

    from exp_classif_eval.deep_head import HeadConfig, head_probabilities, train_heads
    from transcoder.settings import front_end

    if args.threads:
        torch.set_num_threads(args.threads)
    rng = np.random.default_rng(0)
    fold = rng.integers(N_FOLDS, size=N_FILES)
    labels = np.eye(N_CLASSES)[rng.integers(N_CLASSES, size=N_FILES)]
    train_rows = [np.flatnonzero(fold != k) for k in range(N_FOLDS)]
    test_rows = [np.flatnonzero(fold == k) for k in range(N_FOLDS)]
    runs = [[k] for k in range(N_FOLDS)] if args.separately else [range(N_FOLDS)]
    config = HeadConfig(epochs=args.epochs)
    start = time.perf_counter()
    for setting in SETTINGS:
        setting_start = time.perf_counter()
        n_inputs = front_end(setting.split(",")[0]).n_classes
        probs = rng.uniform(size=(N_FILES, n_inputs)).astype(np.float32)
        for run in runs:
            rows = [train_rows[k] for k in run]
            heads = train_heads(probs, labels, rows, config, device=args.device, progress=True)
            head_probabilities(heads, probs, [test_rows[k] for k in run])
        print(f"{setting}: {time.perf_counter() - setting_start:.1f} s")
    print(
        f"{len(SETTINGS)} settings x {N_FOLDS} folds x {args.epochs} epochs, {N_FILES} files: "
        f"{time.perf_counter() - start:.1f} s on {args.device}, {torch.get_num_threads()} threads"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
