"""Make ``audio/sensor_day.parquet``: the made-up levels of a noise sensor over a day.

A street with a school and some trees: third-octave levels every 125 ms in whole dB, as a sensor
stores them that knows sound pressure levels. Each minute of the day is one of some dozens that were
synthesised (demo_scenes), of a kind that suits the hour, so that the file stays small.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.files import atomic_path

_SEED = 16
_DATE = "2026-03-03"  # a Tuesday
_FULL_SCALE_DB_SPL = 68.0  # what such a sensor shows above the levels of full-scale audio
_MINUTE_S = 60
_PIECE_S = 10.0  # the synthesisers make pieces as long as clips

# kind of minute: how many of them, the loudest quarter of a second in dB SPL, recipe of its pieces
_KINDS = {
    "night": (8, (50, 56), ("distant_road",), (("passing_car", (4, 10), (15, 40), 0.15),)),
    "dawn": (8, (56, 62), ("distant_road",), (
        ("bird_chorus", (3, 9), (5, 20), 0.9), ("songbird", (4, 12), (4, 12), 0.7),
        ("passing_car", (6, 12), (15, 40), 0.15))),
    "rush": (10, (72, 80), ("busy_road",), (
        ("passing_car", (3, 9), (5, 15), 0.8), ("passing_truck", (4, 10), (5, 15), 0.3),
        ("car_horn", (2, 8), (10, 30), 0.08), ("footsteps", (-6, 0), (2, 6), 0.2))),
    "day": (10, (66, 74), ("distant_road", "city_air"), (
        ("passing_car", (4, 10), (6, 20), 0.5), ("conversation", (0, 8), (2, 8), 0.25),
        ("footsteps", (-2, 4), (2, 6), 0.3), ("pigeon", (0, 6), (5, 15), 0.1),
        ("dog_bark", (4, 10), (10, 40), 0.06))),
    "school": (5, (70, 76), ("distant_road",), (
        ("children_playing", (6, 12), (5, 20), 1.0), ("passing_car", (4, 9), (8, 20), 0.2))),
    "evening": (8, (62, 70), ("distant_road", "city_air"), (
        ("conversation", (4, 10), (2, 8), 0.55), ("passing_car", (3, 9), (8, 25), 0.3),
        ("street_music", (0, 6), (20, 50), 0.12), ("songbird", (2, 8), (6, 15), 0.15))),
    "siren": (2, (78, 84), ("busy_road",), (("siren", (8, 14), (10, 60), 1.0),)),
}  # fmt: skip

# from this hour on: how often a minute is of which kind
_HOURS = {
    0: {"night": 1}, 5: {"dawn": 0.8, "night": 0.2}, 7: {"rush": 0.9, "dawn": 0.1},
    9: {"day": 1}, 10: {"day": 0.6, "school": 0.4}, 11: {"day": 1}, 12: {"day": 0.7, "school": 0.3},
    14: {"day": 1}, 17: {"rush": 0.8, "day": 0.2}, 19: {"evening": 0.8, "day": 0.2},
    22: {"evening": 0.4, "night": 0.6}, 23: {"night": 1},
}  # fmt: skip
_SIRENS = 4  # minutes of the day


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(__file__).with_name("sensor_day.parquet"),
        help="file to write",
    )  # fmt: skip
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)

    import numpy as np
    from tqdm import tqdm

    from demo_scenes.signals import Synth
    from transcoder.settings import THIRD_OCTAVE

    synth = Synth(_SEED, THIRD_OCTAVE.sample_rate)
    minutes = {
        kind: [_minute(synth, kind) for _ in range(n)]
        for kind, (n, *_) in tqdm(_KINDS.items(), desc="Synthesising", unit="kind")
    }
    order = [_kind_of(synth, minute // 60) for minute in range(24 * 60)]
    for minute in synth.choice(np.arange(8 * 60, 22 * 60), _SIRENS, replace=False):
        order[minute] = "siren"
    day = np.concatenate([minutes[kind][synth.integers(len(minutes[kind]))] for kind in order])
    with atomic_path(args.output) as temporary:
        _write(temporary, day)
    print(f"{args.output}, {args.output.stat().st_size / 1000:.0f} kB")
    return 0


def _kind_of(rng, hour: int) -> str:
    shares = _HOURS[max(start for start in _HOURS if start <= hour)]
    return rng.choice(list(shares), p=list(shares.values()))


def _minute(synth, kind: str):
    """Levels of a minute in dB SPL: ``(480, 29)``."""
    import numpy as np
    import torch

    from demo_scenes.scenes import Ingredient, Recipe, draw, render
    from transcoder.settings import THIRD_OCTAVE
    from transcoder.third_octave import ThirdOctave

    _, loudest_db, bed, ingredients = _KINDS[kind]
    recipe = Recipe(bed, tuple(Ingredient(*ingredient) for ingredient in ingredients))
    n_pieces = int(_MINUTE_S / _PIECE_S)
    pieces = [render(synth, draw(synth, recipe), _PIECE_S) for _ in range(n_pieces)]
    seconds = torch.from_numpy(np.concatenate(pieces).reshape(-1, synth.sample_rate))
    levels = ThirdOctave().double()(seconds).numpy().reshape(-1, THIRD_OCTAVE.n_bands)
    power = (10 ** (levels / 10)).sum(axis=1)
    gain_db = synth.uniform(*loudest_db) - 10 * np.log10(power.max())
    return np.maximum(levels + gain_db, 0)


def _write(path: Path, day) -> None:
    """In whole dB, a page for the whole day: a minute that comes again takes next to nothing."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as parquet

    from archives.columns import NOMINAL_HZ

    times = pd.date_range(_DATE, periods=len(day), freq="125ms")
    columns = {"time": pa.array(times, pa.timestamp("ms"))}
    for hz, band in zip(NOMINAL_HZ, day.T, strict=True):
        columns[f"LZeq {hz:g} Hz"] = pa.array(np.rint(band).astype(np.int8))
    parquet.write_table(
        pa.table(columns),
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=False,
        column_encoding={"time": "DELTA_BINARY_PACKED"}
        | {name: "PLAIN" for name in columns if name != "time"},
        data_page_size=2**26,
        max_rows_per_page=len(day),
        row_group_size=len(day),
        write_statistics=False,
    )


if __name__ == "__main__":
    sys.exit(main())
