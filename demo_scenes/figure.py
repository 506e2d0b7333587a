"""One scene of each kind, to look at: ``python -m demo_scenes.figure``."""

import sys
from collections.abc import Sequence
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.files import PROJECT_ROOT, atomic_path

_RANGE_DB = 80  # dynamic range shown


def build_parser() -> Parser:
    parser = Parser(
        prog="python -m demo_scenes.figure",
        description="Draw the spectrogram of one demo clip of each TAU scene.",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=PROJECT_ROOT / "results" / "demo_scenes.png",
        help="image file to write",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="seed of the demo data")
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)

    from tqdm import tqdm

    from demo_scenes import tau
    from demo_scenes.clips import clip_wave

    clips = tau.plan(0.1, args.seed).clips[: len(tau.SCENES)]
    waves = [clip_wave(clip)[:, 0] for clip in tqdm(clips, unit="clip")]
    _draw(args.output, tau.SCENES, clips, waves)
    print(args.output)
    return 0


def _draw(output: Path, titles, clips, waves) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    figure, axes = plt.subplots(5, 2, figsize=(13, 15), sharex=True, sharey=True, layout="tight")
    for ax, title, clip, wave in zip(axes.flat, titles, clips, waves, strict=True):
        wave = wave / np.abs(wave).max()
        ax.specgram(
            wave + 1e-9, NFFT=2048, noverlap=1024, Fs=clip.sample_rate, cmap="magma",
            scale="dB", vmin=-_RANGE_DB - 40, vmax=-40,
        )  # fmt: skip
        names = ", ".join(dict.fromkeys(layer.source for layer in clip.scene.layers))
        ax.set_title(f"{title}: {names}".replace("_", " "), fontsize=8)
        ax.set_yscale("symlog", linthresh=500)
        ax.set_ylim(40, 16_000)
        ax.set_yticks([100, 500, 1000, 2000, 4000, 8000], ["0.1", "0.5", "1", "2", "4", "8"])
    figure.supxlabel("time (s)")
    figure.supylabel("frequency (kHz)")
    with atomic_path(output) as temporary:
        figure.savefig(temporary, dpi=70)
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
