"""Draw where the bands lie: third-octave bands and the Mel bands of PANN and YAMNet.

Shows what a transcoder has to invent: above about 250 Hz several Mel bands share a third-octave
band, and neither Mel scale covers the lowest third-octave bands. Writes PNG and PDF, and the
paper's figure, which has the bands by their number: thirdo_mels_bands_repartition.png.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from transcoder.cli import Parser, reports_errors
from transcoder.files import EXPORT_ROOT

if TYPE_CHECKING:  # matplotlib takes a while to import
    from matplotlib.figure import Figure


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--output", type=Path, default=EXPORT_ROOT, help="folder of the figure")
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)

    from matplotlib.figure import Figure

    from transcoder.plots import mel_centres_hz, save_figure
    from transcoder.settings import PANN, THIRD_OCTAVE, YAMNET

    scales = {
        "third-octave bands (29)": THIRD_OCTAVE.centres_hz,
        "Mel bands, YAMNet (64)": mel_centres_hz(YAMNET),
        "Mel bands, PANN (64)": mel_centres_hz(PANN),
    }
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    axis = figure.subplots()
    for row, centres_hz in enumerate(scales.values()):
        axis.plot(centres_hz, [row] * len(centres_hz), "|", markersize=22)
    axis.set_xscale("log")
    ticks_hz = (20, 50, 125, 250, 500, 1000, 2000, 4000, 8000, 16000)
    axis.set_xticks(ticks_hz, [f"{hz:g}" for hz in ticks_hz])
    axis.minorticks_off()
    axis.set_yticks(range(len(scales)), scales)
    axis.set_ylim(-0.6, len(scales) - 0.4)
    axis.set_xlabel("centre frequency (Hz)")
    axis.grid(axis="x", alpha=0.3)
    figures = {f"thirdo_mel_bands_repartition.{suffix}": figure for suffix in ("png", "pdf")}
    figures["thirdo_mels_bands_repartition.png"] = by_number(scales)
    for name, drawn in figures.items():
        save_figure(drawn, args.output / name)
        print(f"wrote {args.output / name}")
    return 0


def by_number(scales: "dict[str, Sequence[float]]") -> "Figure":
    """The paper's figure: the number of each band against its centre frequency."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axis = figure.subplots()
    for name, centres_hz in scales.items():
        numbers = range(1, len(centres_hz) + 1)
        axis.plot(numbers, [hz / 1000 for hz in centres_hz], "+", label=name)
    axis.set(xlabel="number of the band", ylabel="centre frequency (kHz)")
    axis.set(xlim=(0, 65), ylim=(0, 14))
    axis.grid(alpha=0.3)
    axis.legend()
    return figure


if __name__ == "__main__":
    sys.exit(main())
