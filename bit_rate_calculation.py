"""Compute the bit rates of audio, Mel spectrograms and third-octave levels, uncompressed.

This is what a sensor saves by storing levels: see the ratio to the audio. Writes a table,
bit_rate_calculation.xlsx, and prints it.
"""

import sys
from pathlib import Path

from transcoder.cli import Parser, check_least, reports_errors
from transcoder.files import EXPORT_ROOT

BITS = 16


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--output", type=Path, default=EXPORT_ROOT, help="folder of the table")
    parser.add_argument("--bits", type=int, default=BITS, help="bits of a value")
    return parser


def values_per_second() -> dict[str, int]:
    """What there is to store of a second, by representation."""
    from transcoder.settings import FRONT_ENDS, THIRD_OCTAVE

    rows = {f"audio, {THIRD_OCTAVE.sample_rate // 1000} kHz": THIRD_OCTAVE.sample_rate}
    for name, end in FRONT_ENDS.items():
        frames = end.sample_rate // end.hop_length
        rows[f"Mels of {name}, {frames} x {end.n_mels}"] = frames * end.n_mels
    frames, bands = THIRD_OCTAVE.frames_per_chunk, THIRD_OCTAVE.n_bands
    return rows | {f"third-octave levels, {frames} x {bands}": frames * bands}


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    check_least(args, bits=1)

    import pandas as pd

    from transcoder.files import atomic_path

    values = pd.Series(values_per_second())
    table = pd.DataFrame(
        {
            "values a second": values,
            "bits a value": args.bits,
            "kbit/s": values * args.bits / 1000,
            "audio is larger by": (values.iloc[0] / values).round(1),
        }
    )
    path = args.output / "bit_rate_calculation.xlsx"
    with atomic_path(path) as temporary:
        table.to_excel(temporary, sheet_name="bit rates")
    print(table.to_string())
    print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
