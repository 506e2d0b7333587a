"""How much faster one training step is than a literal one.

The literal step computes as the published code did: float32, channels first, PINV through a
2049-bin spectrum, a teacher whose weights get gradients, and the loss asked for after each step.
Both train the paper's CNN (5 layers, kernel 5, 64 channels) on random data; the teacher has
random weights, which cost the same time as trained ones.
"""

import statistics
import sys
import time
from collections.abc import Callable, Sequence

from transcoder.cli import Parser, reports_errors

STEPS_OF_RESTRICTED_PLAN = 240_000
"""Of each model: 200 epochs of the data set ``full``."""


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument(
        "--precision", default="auto", choices=("auto", "fp32", "tf32", "bf16", "fp16")
    )
    parser.add_argument("--batch_size", type=int, default=64, help="chunks of 1 s")
    parser.add_argument("--steps", type=int, default=5, help="timed steps, after one to warm up")
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
    print(f"{'model':24}{'literal':>12}{'ours':>12}{'ratio':>8}{'TFLOP/s':>10}{'240k steps':>12}")
    for classifier in args.classifiers:
        for through_teacher in (False, True):
            literal = seconds_per_step(
                literal_step(classifier, through_teacher, args.batch_size, device), args, device
            )
            precision = choose_precision(args.precision, device)
            step = our_step(classifier, through_teacher, args.batch_size, precision, args.compile)
            ours = seconds_per_step(step, args, device)
            rate = flops(step) / ours / 1e12
            name = f"CNN-{'logits' if through_teacher else 'mels'} {classifier}"
            print(
                f"{name:24}{1e3 * literal:9.1f} ms{1e3 * ours:9.1f} ms{literal / ours:8.2f}"
                f"{rate:10.3f}{STEPS_OF_RESTRICTED_PLAN * ours / 3600:10.1f} h",
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
    import torch

    model.to(memory_format=torch.channels_last)
    if compiled:
        model.compile()
    session = Session(model, make_optimizer(model, 1e-3), precision.grad_scaler(), {})
    return lambda: training_step(session, batch, loss, precision)


def literal_step(classifier: str, through_teacher: bool, batch_size: int, device) -> Step:
    """The published step; its precision is float32 without TF32."""
    import torch
    from torch.nn import functional

    from exp_train_model.precision import choose_precision
    from transcoder.classifiers import new_network

    choose_precision("fp32", device)
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


def seconds_per_step(step: Step, args, device) -> float:
    """Median time of a step; on a GPU the mean, for steps there run into each other."""
    import torch

    step()
    if device.type == "cuda":
        for _ in range(10):  # benchmarking of kernels, compilation
            step()
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(args.steps):
            step()
        torch.cuda.synchronize()
        return (time.perf_counter() - start) / args.steps
    times = []
    for _ in range(args.steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def flops(step: Step) -> int:
    """Floating-point operations of matrix products and convolutions in one step."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


if __name__ == "__main__":
    sys.exit(main())
