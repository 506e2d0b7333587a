"""Make ``audio/street_scene.wav``: 10 s of a street that nobody has to ask for permission."""

import sys
from collections.abc import Sequence
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.files import atomic_path

_SEED = 8
_DURATION_S = 10.0


def build_parser() -> Parser:
    parser = Parser(
        description="Synthesise the sample recording: traffic hum with a passing car, a bird, "
        "footsteps and a siren far away (10 s, 32 kHz, 16 bit, mono)."
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(__file__).with_name("street_scene.wav"),
        help="sound file to write",
    )  # fmt: skip
    return parser


@reports_errors
def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)

    import numpy as np
    import soundfile

    from demo_scenes.scenes import Layer, Scene, render
    from demo_scenes.signals import Synth
    from transcoder.settings import THIRD_OCTAVE

    scene = Scene(
        layers=(
            Layer("traffic_hum", level_db=0, distance_m=40),
            Layer("passing_car", level_db=15, distance_m=5),
            Layer("songbird", level_db=9, distance_m=8),
            Layer("footsteps", level_db=4, distance_m=3),
            Layer("siren", level_db=-4, distance_m=250),
        ),
        reverb_s=0.7,
        wet=0.4,
    )
    sample_rate = THIRD_OCTAVE.sample_rate
    wave = render(Synth(_SEED, sample_rate), scene, _DURATION_S)
    with atomic_path(args.output) as temporary:
        soundfile.write(temporary, 0.7 * wave / np.abs(wave).max(), sample_rate, "PCM_16")
    print(args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
