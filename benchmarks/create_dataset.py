"""Throughput of create_mel_tho_dataset.py beside its floor, in clips per CPU second.

The floor is what no program can leave out: decoding, resampling to both rates, and the bare FFTs
of all frames. Both are measured here on the same clips of noise (10 s, 44.1 kHz, 24 bit).
"""

import sys
import tempfile
import time
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.names import TAU_FOLDER

SAMPLE_RATE = 44_100
CLIP_DURATION_S = 10


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3, help="the fastest of them counts")
    parser.add_argument("--workers", type=int, default=1)
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        audio_path = Path(folder) / TAU_FOLDER
        paths = write_clips(audio_path, args.clips)
        make_floor(paths[:1])  # loads libraries, fills caches
        create(audio_path, Path(folder) / "warm-up", args.workers)
        floor_s = fastest(lambda i: make_floor(paths), args.repeats)
        program_s = fastest(
            lambda i: create(audio_path, Path(folder) / str(i), args.workers), args.repeats
        )
    print(f"floor:   {args.clips / floor_s:7.1f} clips per CPU second")
    print(f"program: {args.clips / program_s:7.1f} clips per CPU second, files written")
    print(f"ratio:   {program_s / floor_s:7.2f} (at most 2.5 is the aim)")
    return 0


def write_clips(audio_path: Path, n_clips: int) -> list[Path]:
    """A TAU-like data set of noise."""
    import numpy as np
    import soundfile

    rng = np.random.default_rng(0)
    names = [f"audio/park-lyon-1-{i}-a.wav" for i in range(n_clips)]
    (audio_path / "audio").mkdir(parents=True)
    for name in names:
        noise = rng.uniform(-0.5, 0.5, SAMPLE_RATE * CLIP_DURATION_S)
        soundfile.write(audio_path / name, noise, SAMPLE_RATE, subtype="PCM_24")
    (audio_path / "evaluation_setup").mkdir()
    for table, rows in (("train", names[1:]), ("evaluate", names[:1])):
        lines = ["filename\tscene_label", *(f"{name}\tpark" for name in rows)]
        path = audio_path / "evaluation_setup" / f"fold1_{table}.csv"
        path.write_text("\n".join(lines) + "\n")
    return [audio_path / name for name in names]


def make_floor(paths: list[Path]) -> None:
    import soundfile
    import soxr
    import torch

    from transcoder.settings import PANN, THIRD_OCTAVE, YAMNET

    for path in paths:
        wave, rate = soundfile.read(path, dtype="float32")
        for new_rate in (THIRD_OCTAVE.sample_rate, YAMNET.sample_rate):
            soxr.resample(wave, rate, new_rate, quality="HQ")
        for frames, n_fft in (
            (THIRD_OCTAVE.frames_per_chunk, THIRD_OCTAVE.frame_length),
            (PANN.frames, PANN.n_fft),
            (PANN.frames, YAMNET.n_fft),  # a second has as many frames for both
        ):
            torch.fft.rfft(torch.zeros(CLIP_DURATION_S * frames, n_fft))


def create(audio_path: Path, output_path: Path, workers: int) -> None:
    from features.clips import FeatureConfig
    from features.dataset import DatasetConfig, DatasetFiles, create_dataset
    from features.splits import SplitConfig

    files = DatasetFiles.of(output_path, "full")
    config = DatasetConfig("full", SplitConfig(), FeatureConfig())
    create_dataset(audio_path, files, config, workers=workers)


def fastest(function, repeats: int) -> float:
    """CPU seconds of this process, all threads."""
    times = []
    for i in range(repeats):
        start = time.process_time()
        function(i)
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    sys.exit(main())
