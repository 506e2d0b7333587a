"""Files per second of create_logit_dataset.py, and what bounds them: decoding or computing.

Noise clips like UrbanSound8K's (4 s, 44.1 kHz, stereo), random weights of the real sizes.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.options import add_classifier

DURATION_S = 4
SAMPLE_RATE = 44_100


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    add_classifier(parser)
    parser.add_argument("--transcoder", nargs="+", default=["self", "cnn", "pinv"])
    parser.add_argument("--files", type=int, default=64)
    parser.add_argument("--batch_size", type=int, default=16, help="seconds computed at once")
    parser.add_argument("--workers", type=int, default=min(8, os.cpu_count() or 1))
    parser.add_argument("--threads", type=int, help="of torch (default: as torch chooses)")
    parser.add_argument("--device", default="cpu", help="as torch names it")
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    import torch

    from exp_classif_eval.decoding import decode, decode_all
    from exp_classif_eval.probabilities import Inference

    if args.threads:
        torch.set_num_threads(args.threads)
    inference = Inference(random_chains(args), device=args.device, batch_size=args.batch_size)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_clips(Path(folder), args.files)
        decoded = [decode(path, inference.rates) for path in paths]  # the first reads from disk
        decoding_s = timed(lambda: [decode(path, inference.rates) for path in paths])
        inference.compute(iter(decoded[:16]))  # warms up
        stages = stage_times_s(inference, decoded)
        computing_s = timed(lambda: inference.compute(iter(decoded)))
        total_s = timed(
            lambda: inference.compute(decode_all(paths, inference.rates, workers=args.workers))
        )
    n = args.files
    print(f"{args.classifier}, {', '.join(args.transcoder)}: {n} clips of {DURATION_S} s on "
          f"{args.device}, {torch.get_num_threads()} torch threads")  # fmt: skip
    print(f"  decode and resample, one thread  {1000 * decoding_s / n:7.1f} ms a file")
    for name, seconds in stages.items():
        print(f"  {name:<32} {1000 * seconds / n:7.1f} ms a file")
    print(f"  all computing                    {1000 * computing_s / n:7.1f} ms a file")
    print(f"  everything, {args.workers} decoding threads    {1000 * total_s / n:7.1f} ms a file: "
          f"{n / total_s:.1f} files/s, {n * DURATION_S / total_s:.0f} times real time")  # fmt: skip
    return 0


def random_chains(args) -> list:
    """The chains that are asked for, with random weights."""
    import torch

    from exp_classif_eval.probabilities import Chain, chain_rate
    from transcoder.classifiers import Classifier, new_network
    from transcoder.mels import LogMel
    from transcoder.models import ModelSettings, build_model
    from transcoder.pinv import Pinv

    name = args.classifier
    classifier = Classifier(name, new_network(name), "random weights")
    classifier.to(args.device, memory_format=torch.channels_last)
    cnn = ModelSettings(
        model_type="cnn_pinv", mels_type=name, cnn_kernel_size=5, cnn_dilation=1,
        cnn_nb_layers=5, cnn_nb_channels=64,
    )  # fmt: skip
    models = {"self": lambda: LogMel(name, patch=False), "pinv": lambda: Pinv(name)}
    chains = []
    for transcoder in args.transcoder:
        model = models.get(transcoder, lambda: build_model(cnn))()
        model = model.float().to(args.device, memory_format=torch.channels_last).eval()
        chains.append(Chain(transcoder, classifier, model, chain_rate(name, transcoder), {}))
    return chains


def write_clips(folder: Path, n_files: int) -> list[Path]:
    """Clips of noise."""
    import numpy as np

    from transcoder.audio import write_audio

    rng = np.random.default_rng(0)
    paths = [folder / f"{i:04d}.wav" for i in range(n_files)]
    for path in paths:
        write_audio(path, rng.uniform(-1, 1, (DURATION_S * SAMPLE_RATE, 2)), SAMPLE_RATE)
    return paths


def stage_times_s(inference, decoded: list) -> dict[str, float]:
    """Seconds for all clips in third-octave levels and in each chain after them."""
    import numpy as np
    import torch

    with torch.inference_mode():
        waves = {
            rate: torch.from_numpy(np.stack([d[rate] for d in decoded])).to(inference.device)
            for rate in inference.rates
        }
        times, levels = {}, {}
        for chain in inference.chains:
            rate = chain.sample_rate
            if chain.transcoder != "self" and rate not in levels:
                start = time.perf_counter()
                levels[rate] = inference._levels(waves[rate])
                times["third-octave levels"] = time.perf_counter() - start
            start = time.perf_counter()
            for files in torch.arange(len(decoded)).split(inference.batch_size // DURATION_S or 1):
                if chain.transcoder == "self":
                    inference._hear(chain, waves[rate][files])
                else:
                    batch = [part[files] for part in levels[rate]]
                    inference._hear_levels(chain, batch, waves[rate].shape[1])
            times[f"Mels and classes, {chain.transcoder}"] = time.perf_counter() - start
    return times


def timed(function: Callable) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
