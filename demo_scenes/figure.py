"""One scene of each kind, to look at: ``python -m demo_scenes.figure``."""

import itertools
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.files import EXPORT_ROOT, atomic_path

_RANGE_DB = 70  # dynamic range shown
_LOWEST_HZ, _HIGHEST_HZ, _N_BANDS = 40, 16_000, 90

_TITLE_WIDTH = 52  # letters


def build_parser() -> Parser:
    parser = Parser(
        prog="python -m demo_scenes.figure",
        description="Draw the spectrogram of one demo clip of each TAU scene.",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=EXPORT_ROOT / "demo_scenes.png",
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
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 13), layout="tight")
    axes = figure.subplots(5, 2, sharex=True, sharey=True)
    for ax, title, clip, wave in zip(axes.flat, titles, clips, waves, strict=True):
        times_s, edges_hz, level_db = _band_levels(wave, clip.sample_rate)
        ax.pcolormesh(times_s, edges_hz, level_db, vmin=-_RANGE_DB, vmax=0, cmap="magma")
        names = ", ".join(dict.fromkeys(layer.source for layer in clip.scene.layers))
        title = f"DEMO, {title}: {names}".replace("_", " ")
        ax.set_title(textwrap.fill(title, _TITLE_WIDTH), fontsize=12)
        ax.set_yscale("log")
        ax.set_yticks([100, 1000, 10_000], ["0.1", "1", "10"])
    figure.supxlabel("time (s)")
    figure.supylabel("frequency (kHz)")
    with atomic_path(output) as temporary:
        figure.savefig(temporary, dpi=80)


def _band_levels(wave, sample_rate: int):
    """Frame edges in s, band edges in Hz, and levels in dB under the loudest of all bands."""
    import numpy as np
    import scipy.signal

    freqs_hz, times_s, spectrum = scipy.signal.stft(wave, sample_rate, nperseg=4096, noverlap=2048)
    edges_hz = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _N_BANDS + 1)
    bins = np.searchsorted(freqs_hz, edges_hz)
    bands = [spectrum[low : max(high, low + 1)] for low, high in itertools.pairwise(bins)]
    power = np.array([np.mean(np.abs(band) ** 2, axis=0) for band in bands])
    level_db = 10 * np.log10(power + 1e-20)
    step_s = times_s[1]
    edges_s = np.append(times_s, times_s[-1] + step_s) - step_s / 2
    return edges_s, edges_hz, level_db - level_db.max()


if __name__ == "__main__":
    sys.exit(main())
