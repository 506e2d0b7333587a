"""Exported models beside PyTorch: size, speed on one core, and how far int8 is from float.

Run it from the project folder: python -m benchmarks.exported_models --features OPEN_valid.h5

Speed is seconds of signal in a second of processor time, of one thread, the median of several
passes in turn; batches of 64 s, and single seconds as a live stream has them. Agreement is with the
float network, over levels of a features file of create_open_dataset.py (split valid) or of DEMO's
scenes without: the share of the seconds with the same top class, and, where the file has the
Mels and there is a classifier, by how much the BCE against its answers to true Mels changes.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.names import WAYS
from transcoder.options import add_classifier_weights, add_models

BATCH_S = 64


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    add_models(parser)
    add_classifier_weights(parser)
    parser.add_argument("--methods", nargs="+", choices=tuple(WAYS), default=list(WAYS))
    parser.add_argument("--features", type=Path, help="third_octave and mels_yamnet in HDF5")
    parser.add_argument("--seconds", type=int, default=1024, help="of it, evenly spread")
    parser.add_argument("--draws", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3, help="the median counts")
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)

    import torch

    torch.set_num_threads(1)
    levels, mels = _levels(args)
    print(f"{len(levels)} s of levels, one thread")
    print("| | file | MB | s/s, batches | s/s, single | top-1 % | BCE, less float's |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for method in args.methods:
        _compare(method, args, levels, mels)
    return 0


def _levels(args):
    from exporting.int8 import made_levels

    if args.features is None:
        return made_levels(), None
    import h5py
    import numpy as np

    with h5py.File(args.features) as file:
        n = len(file["third_octave"])
        rows = np.unique(np.linspace(0, n - 1, args.seconds).astype(int))
        return file["third_octave"][:][rows], file["mels_yamnet"][:][rows]


def _compare(method: str, args, levels, mels) -> None:
    import torch

    from archives.networks import load_networks
    from exporting.graph import LevelsToClasses
    from exporting.int8 import parts_of
    from exporting.metadata import describe
    from exporting.onnx_files import session_of
    from exporting.write import write_int8, write_onnx, write_torch
    from transcoder.classifiers import load_classifier

    found, network, about = load_networks(
        "YamNet", method, models=args.models, weights=args.classifier_weights, draws=args.draws
    )
    graph = LevelsToClasses(found, network, draws=args.draws)
    graph.to(memory_format=torch.channels_last)
    metadata = describe(graph, "YamNet", method, about)
    inputs = parts_of(graph.input_names, levels)
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / name for name in ("float.onnx", "int8.onnx", "torch.pt2")}
        list(write_onnx(graph, files["float.onnx"], metadata))
        list(write_int8(graph, files["int8.onnx"], metadata, None))
        list(write_torch(graph, files["torch.pt2"], metadata))
        sessions = [session_of(files[name], threads=1) for name in ("float.onnx", "int8.onnx")]
        program = torch.export.load(files["torch.pt2"]).module()

        def by_torch(batch):
            with torch.no_grad():
                return program(*map(torch.from_numpy, batch.values()))[0].numpy()

        ways = [*(lambda batch, s=s: s.run(["classes"], batch)[0] for s in sessions), by_torch]
        heard, batched = _timed(ways, inputs, BATCH_S, len(levels), args.repeats)
        _, single = _timed(ways, inputs, 1, 64, args.repeats)
        teacher = None
        if mels is not None:
            judge = network or load_classifier("YamNet", args.classifier_weights)
            teacher = judge.probabilities(torch.from_numpy(mels)).numpy()
        for name, one, many, alone in zip(files, heard, batched, single, strict=True):
            size = files[name].stat().st_size / 1e6
            scores = _scores(one, heard[0], teacher)
            print(f"| {WAYS[method]} | {name} | {size:.2f} | {many:.0f} | {alone:.0f} | {scores} |")


def _timed(ways, inputs, batch_s: int, n: int, repeats: int):
    """What each way hears, and seconds of signal a second of processor time."""
    import numpy as np

    heard, times = [None] * len(ways), [[] for _ in ways]
    batches = [
        {name: values[i : i + batch_s] for name, values in inputs.items()}
        for i in range(0, n, batch_s)
    ]
    for _ in range(repeats):
        for number, way in enumerate(ways):
            start = time.process_time()
            parts = [way(batch) for batch in batches]
            times[number].append(time.process_time() - start)
            heard[number] = np.concatenate(parts)
    return heard, [n / statistics.median(measured) for measured in times]


def _scores(found, wanted, teacher) -> str:
    from exporting.int8 import agreement

    change = "-"
    if teacher is not None:
        change = f"{_bce(found, teacher) - _bce(wanted, teacher):+.5f}"
    return f"{100 * agreement(found, wanted):.1f} | {change}"


def _bce(found, target) -> float:
    import numpy as np

    found = np.clip(found.astype(np.float64), 1e-7, 1 - 1e-7)
    return float(-(target * np.log(found) + (1 - target) * np.log(1 - found)).mean())


if __name__ == "__main__":
    sys.exit(main())
