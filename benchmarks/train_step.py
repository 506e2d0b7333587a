"""How much faster one training step is than a literal one.

The literal step computes as the published code did: float32, channels first, PINV through a
2049-bin spectrum, a teacher whose weights get gradients, and the loss asked for after each step.
Both train the paper's CNN (5 layers, kernel 5, 64 channels) on random data; the teacher has
random weights, which cost the same time as trained ones.
"""

import argparse
import concurrent.futures
import contextlib
import itertools
import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence

from exp_train_model.options import PRECISIONS
from transcoder.cli import Parser, reports_errors
from transcoder.options import add_device

GPU_STEPS = 20

STEPS_OF_RESTRICTED_PLAN = 240_000
"""Of each model: 200 epochs of the data set ``full``."""


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    add_device(parser)
    parser.add_argument(
        "--precision", nargs="+", choices=PRECISIONS[1:], default=["fastest"], help="of our step"
    )
    parser.add_argument("--batch_size", type=int, default=64, help="chunks of 1 s")
    parser.add_argument("--steps", type=int, default=5, help="timed steps, after some to warm up")
    parser.add_argument("--compile", action="store_true", help="use torch.compile for our step")
    parser.add_argument(
        "--classifiers", nargs="+", choices=("YamNet", "PANN"), default=["YamNet", "PANN"]
    )
    parser.add_argument(
        "--processor_time", action="store_true",
        help="count seconds of processors in place of seconds: for a CPU that others use too; "
        "with OMP_NUM_THREADS=1, for waiting threads count as well",
    )  # fmt: skip
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    print(f"{'model':20}{'step':>9}{'time':>12}{'ratio':>8}{'TFLOP/s':>10}{'240k steps':>12}")
    for classifier, through_teacher in itertools.product(args.classifiers, (False, True)):
        results = measure(classifier, through_teacher, args)
        model = f"CNN-{'logits' if through_teacher else 'mels'} {classifier}"
        for kind, (time_s, n_flops) in results.items():
            print(
                f"{model:20}{kind:>9}{1e3 * time_s:9.1f} ms{results['literal'][0] / time_s:8.2f}"
                f"{n_flops / time_s / 1e12:10.3f}"
                f"{STEPS_OF_RESTRICTED_PLAN * time_s / 3600:10.1f} h",
                flush=True,
            )
    return 0


def measure(
    classifier: str, through_teacher: bool, args: argparse.Namespace
) -> dict[str, tuple[float, int]]:
    """Seconds and floating-point operations of each kind of step.

    Each kind has a process of its own, as settings of the C library and of torch concern a whole
    process; they take turns, and the least time of each counts.
    """
    kinds = ["literal", *args.precision]
    context = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as stack:
        workers = {
            kind: stack.enter_context(
                concurrent.futures.ProcessPoolExecutor(
                    1, context, _prepare, (kind, classifier, through_teacher, args)
                )
            )
            for kind in kinds
        }
        n_flops = {kind: worker.submit(_flops).result() for kind, worker in workers.items()}
        best = dict.fromkeys(kinds, math.inf)
        for _ in range(args.steps):
            for kind, worker in workers.items():
                best[kind] = min(best[kind], worker.submit(_seconds).result())
    return {kind: (best[kind], n_flops[kind]) for kind in kinds}


_worker: "tuple[Step, argparse.Namespace]"
"""The step of this process, and the options."""


def _prepare(kind: str, classifier: str, through_teacher: bool, args: argparse.Namespace) -> None:
    from exp_train_model.training.precision import choose_precision, keep_freed_memory
    from transcoder.devices import choose_device

    device = choose_device(args.device)
    common = (classifier, through_teacher, args.batch_size)
    if kind == "literal":
        choose_precision("fp32", device)  # sets torch's switches
        step = literal_step(*common, device)
    else:
        if device.type == "cpu":
            keep_freed_memory()
        step = our_step(*common, choose_precision(kind, device), compiled=args.compile)
    global _worker
    _worker = step, args


def _seconds() -> float:
    """Time of a step; on a GPU of one among many, for they run into each other."""
    import torch

    step, args = _worker
    clock = time.process_time if args.processor_time else time.perf_counter
    if not torch.cuda.is_available() or args.device == "cpu":
        start = clock()
        step()
        return clock() - start
    for _ in range(5):
        step()
    torch.cuda.synchronize()
    start = clock()
    for _ in range(GPU_STEPS):
        step()
    torch.cuda.synchronize()
    return (clock() - start) / GPU_STEPS


def _flops() -> int:
    """Floating-point operations of matrix products and convolutions in one step, the first."""
    from torch.utils.flop_counter import FlopCounterMode

    step, _ = _worker
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


Step = Callable[[], object]


def our_step(
    classifier: str, through_teacher: bool, batch_size: int, precision, compiled: bool
) -> Step:
    """The step of ``exp_train_model.training.loop`` on a batch held on the device."""
    from exp_train_model.training.loop import make_optimizer, training_step
    from exp_train_model.training.losses import logits_loss, mel_loss
    from exp_train_model.training.session import Session
    from exp_train_model.training.teacher import prepare_teacher
    from exp_train_model.training.train_step import place_model
    from transcoder.classifiers import Classifier, new_network

    model, batch = _model_and_batch(classifier, batch_size, precision.device)
    loss = mel_loss
    if through_teacher:
        teacher = Classifier(classifier, new_network(classifier), "random")
        teacher = prepare_teacher(teacher, precision)
        loss = logits_loss(teacher)
        if compiled:
            teacher.compile()
    place_model(model, precision.device, compiled=compiled)
    session = Session(model, make_optimizer(model, 1e-3), precision.grad_scaler(), {})
    return lambda: training_step(session, batch, loss, precision)


def literal_step(classifier: str, through_teacher: bool, batch_size: int, device) -> Step:
    """The published step; its precision is float32 without TF32."""
    import torch
    from torch.nn import functional

    from benchmarks.literal_pinv import LiteralPinv
    from transcoder.classifiers import new_network

    model, batch = _model_and_batch(classifier, batch_size, device)
    model.pinv = LiteralPinv(classifier).to(device)
    teacher = new_network(classifier).to(device).eval()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> float:
        mels = model(batch.levels)
        if through_teacher:
            loss = functional.binary_cross_entropy(teacher(mels), batch.targets)
        else:
            loss = functional.mse_loss(mels, batch.mels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _model_and_batch(classifier: str, batch_size: int, device):
    import torch

    from exp_train_model.training.losses import Batch
    from transcoder.models import ModelSettings, build_model
    from transcoder.settings import front_end

    torch.manual_seed(0)
    end = front_end(classifier)
    batch = Batch(
        60 * torch.rand(batch_size, 8, 29, device=device),
        torch.randn(batch_size, end.frames, end.n_mels, device=device),
        torch.rand(batch_size, end.n_classes, device=device),
    )
    model = build_model(ModelSettings("cnn_pinv", classifier, 5, 5, 64, 1))
    return model.to(device).train(), batch


if __name__ == "__main__":
    sys.exit(main())
