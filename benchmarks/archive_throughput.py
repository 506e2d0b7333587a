"""Seconds of signal that a second of computing classifies: each step, and the whole chain.

Run it from the project folder: python -m benchmarks.archive_throughput

Weights are random (speed does not depend on them). Compared in turn: YAMNet as it is trained,
with BatchNorm folded, and folded with channels last; then levels to classes behind PINV, a small
CNN (3 layers of 16 channels) and the published one (5 layers of 64). With --archive, a whole
synthetic archive through classify_third_octave.py's own code, with the peak of its memory.
"""

import sys
import tempfile
import time
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.options import add_device

CNN_SIZES = {"small CNN": (3, 16), "published CNN": (5, 64)}  # layers, channels


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    add_device(parser)
    parser.add_argument("--seconds", type=int, default=256, help="of signal in each measurement")
    parser.add_argument("--repeats", type=int, default=5, help="the median counts")
    parser.add_argument("--archive", type=int, metavar="SECONDS", help="length of a whole archive")
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    import torch

    from transcoder.devices import choose_device

    torch.manual_seed(0)
    device = choose_device(args.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    print(f"{name}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    if args.archive:
        classify_synthetic_archive(args.archive, device)
        return 0
    compare_yamnet(args.seconds, args.repeats, device)
    compare_chains(args.seconds, args.repeats, device)
    return 0


def compare_yamnet(n_seconds: int, repeats: int, device) -> None:
    """YAMNet alone, in batches of 32 s."""
    import torch

    from benchmarks.timing import seconds_each
    from transcoder.classifiers import Classifier, new_network
    from transcoder.folding import fold_batch_norm

    plain = Classifier("YamNet", new_network("YamNet"), "random").to(device)
    folded = fold_batch_norm(plain)
    last = fold_batch_norm(plain).to(memory_format=torch.channels_last)
    mels = torch.randn(n_seconds, 96, 64, device=device)
    with torch.inference_mode():
        ways = [lambda m=m: m.probabilities(mels, batch_size=32) for m in (plain, folded, last)]
        seconds = seconds_each(*ways, repeats=repeats)
    for name, taken in zip(("plain", "folded", "folded, channels last"), seconds, strict=True):
        print(f"YAMNet {name}: {n_seconds / taken:.0f} s/s ({seconds[0] / taken:.2f} x plain)")


def compare_chains(n_seconds: int, repeats: int, device) -> None:
    """Levels to classes, as archives are classified."""
    import numpy as np

    from archives.timeline import Units
    from benchmarks.timing import seconds_each

    levels = np.random.default_rng(0).uniform(-40, 10, (n_seconds, 1, 8, 29)).astype(np.float32)
    full = np.full(n_seconds, 8)
    units = Units(np.arange(n_seconds, dtype=float), levels, full, np.zeros(n_seconds, int))
    for name in ("PINV", *CNN_SIZES):
        chain = level_classifier(name, device)
        (taken,) = seconds_each(lambda chain=chain: chain(units), repeats=repeats)
        print(f"YAMNet behind {name}: {n_seconds / taken:.0f} s/s")


def level_classifier(name: str, device):
    """Random YAMNet behind PINV or a random CNN."""
    from archives.inference import LevelClassifier
    from transcoder.classifiers import Classifier, new_network
    from transcoder.models import ModelSettings, build_model
    from transcoder.pinv import Pinv

    model = None
    if name in CNN_SIZES:
        layers, channels = CNN_SIZES[name]
        model = build_model(ModelSettings("cnn_pinv", "YamNet", 5, layers, channels, 1))
    classifier = Classifier("YamNet", new_network("YamNet"), "random")
    return LevelClassifier(model or Pinv("YamNet"), classifier, device=device)


def write_synthetic_archive(path: Path, n_seconds: int) -> None:
    """A ``.npy`` of levels that wander by day and from second to second, written in pieces."""
    import numpy as np

    rng = np.random.default_rng(0)
    shape = (n_seconds * 8, 29)
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    slope = np.linspace(0, -25, 29)
    for start in range(0, shape[0], 8 * 3600):
        stop = min(start + 8 * 3600, shape[0])
        day = 8 * np.sin(np.arange(start, stop) / 8 / 86400 * 2 * np.pi)
        array[start:stop] = day[:, np.newaxis] + slope + rng.normal(0, 3, (stop - start, 29))
    array.flush()


def classify_synthetic_archive(n_seconds: int, device) -> None:
    """The small CNN and YAMNet over an archive, all classes of each second into HDF5."""
    import resource

    from archives.answers import Answers
    from archives.classify import Setup, classify_archive
    from archives.levels import LevelScale
    from archives.open_archive import ReadOptions
    from archives.presence_map import GroupEstimate
    from archives.selection import all_classes, traffic_voice_birds

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "archive.npy"
        write_synthetic_archive(path, n_seconds)
        estimate = GroupEstimate(None, traffic_voice_birds("YamNet"), "YamNet")
        setup = Setup(
            Answers(level_classifier("small CNN", device), estimate, 1),
            all_classes("YamNet"),
            {},
            ReadOptions(),
            LevelScale(),
            1,
            ".h5",
        )
        start, start_cpu = time.perf_counter(), time.process_time()
        result = classify_archive(path, "archive", Path(folder) / "classes", setup)
        wall_s, cpu_s = time.perf_counter() - start, time.process_time() - start_cpu
        size_mb = result.path.stat().st_size / 1e6
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{n_seconds} s: {n_seconds / wall_s:.0f} s/s of wall time, {n_seconds / cpu_s:.0f} s/s of "
        f"processor time; peak memory {peak_mb:.0f} MB; result {size_mb:.0f} MB"
    )


if __name__ == "__main__":
    sys.exit(main())
