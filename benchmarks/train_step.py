"""How much faster one training step is than a literal one.

The literal step computes as the published code did: float32, channels first, PINV through a
2049-bin spectrum, a teacher whose weights get gradients, and the loss asked for after each step.
Both train the paper's CNN (5 layers, kernel 5, 64 channels) on random data; the teacher has
random weights, which cost the same time as trained ones.
"""

import itertools
import math
import sys
import time
from collections.abc import Callable, Sequence

from exp_train_model.options import PRECISIONS
from transcoder.cli import Parser, reports_errors

STEPS_OF_RESTRICTED_PLAN = 240_000
"""Of each model: 200 epochs of the data set ``full``."""


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument(
        "--precision", nargs="+", choices=PRECISIONS, default=["auto"], help="of our step"
    )
    parser.add_argument("--batch_size", type=int, default=64, help="chunks of 1 s")
    parser.add_argument("--steps", type=int, default=5, help="timed steps, after some to warm up")
    parser.add_argument("--compile", action="store_true", help="use torch.compile for our step")
    parser.add_argument(
        "--classifiers", nargs="+", choices=("YamNet", "PANN"), default=["YamNet", "PANN"]
    )
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    from exp_train_model.precision import choose_precision
    from transcoder.devices import choose_device

    device = choose_device(args.device)
    print(f"{'model':20}{'step':>9}{'time':>12}{'ratio':>8}{'TFLOP/s':>10}{'240k steps':>12}")
    for classifier, through_teacher in itertools.product(args.classifiers, (False, True)):
        common = (classifier, through_teacher, args.batch_size)
        steps = {"literal": literal_step(*common, device)}
        for name in args.precision:
            precision = choose_precision(name, device)
            steps[precision.name] = our_step(*common, precision, compiled=args.compile)
        times = seconds_per_step(steps, args.steps, device)
        model = f"CNN-{'logits' if through_teacher else 'mels'} {classifier}"
        for name, step in steps.items():
            rate = flops(step) / times[name] / 1e12
            print(
                f"{model:20}{name:>9}{1e3 * times[name]:9.1f} ms"
                f"{times['literal'] / times[name]:8.2f}{rate:10.3f}"
                f"{STEPS_OF_RESTRICTED_PLAN * times[name] / 3600:10.1f} h",
                flush=True,
            )
    return 0


Step = Callable[[], object]


def our_step(
    classifier: str, through_teacher: bool, batch_size: int, precision, compiled: bool
) -> Step:
    """The step of ``exp_train_model.training`` on a batch held on the device."""
    from exp_train_model.losses import logits_loss, mel_loss
    from exp_train_model.session import Session
    from exp_train_model.teacher import prepare_teacher
    from exp_train_model.train_step import place_model
    from exp_train_model.training import make_optimizer, training_step
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

    from transcoder.classifiers import new_network

    model, batch = _model_and_batch(classifier, batch_size, device)
    model.pinv = _literal_pinv(classifier, device)
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

    from exp_train_model.losses import Batch
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


def _literal_pinv(classifier: str, device):
    """PINV as the paper words it: bands, 2049-bin spectrum, interpolation in time, Mels."""
    import torch
    from torch.nn import functional

    from transcoder.mels import mel_filters, to_log
    from transcoder.pinv import energy_scale, pseudo_inverse
    from transcoder.settings import THIRD_OCTAVE, front_end

    end = front_end(classifier)
    inverse = pseudo_inverse().float().to(device)
    filters = mel_filters(
        end, n_fft=THIRD_OCTAVE.frame_length, sample_rate=THIRD_OCTAVE.sample_rate
    )
    filters = filters.float().to(device)
    scale = energy_scale(end) * THIRD_OCTAVE.frame_length**2 / 2

    class LiteralPinv(torch.nn.Module):
        def forward(self, levels):
            power = 10 ** ((levels - THIRD_OCTAVE.offset_db) / 10) * scale
            spectrum = inverse @ power.transpose(1, 2)
            spectrum = functional.interpolate(spectrum, size=end.frames, mode="linear")
            return to_log((filters @ spectrum).transpose(1, 2), end)

    return LiteralPinv()


def seconds_per_step(steps: dict[str, Step], n: int, device) -> dict[str, float]:
    """Time of each kind of step.

    On a CPU the least of ``n``, the kinds taking turns: others may be using the computer. On a
    GPU the mean of ``n``, for there steps run into each other.
    """
    import torch

    best = dict.fromkeys(steps, math.inf)
    if device.type == "cpu":
        for _ in range(n + 1):
            for name, step in steps.items():
                start = time.perf_counter()
                step()
                best[name] = min(best[name], time.perf_counter() - start)
        return best
    for name, step in steps.items():
        set_switches(name, device)
        for _ in range(10):  # kernels are chosen and compiled in the first ones
            step()
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(n):
            step()
        torch.cuda.synchronize()
        best[name] = (time.perf_counter() - start) / n
    return best


def set_switches(name: str, device) -> None:
    """Set torch's switches for a step: the literal one is float32 without TF32."""
    from exp_train_model.precision import choose_precision

    choose_precision("fp32" if name == "literal" else name, device)


def flops(step: Step) -> int:
    """Floating-point operations of matrix products and convolutions in one step."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


if __name__ == "__main__":
    sys.exit(main())
