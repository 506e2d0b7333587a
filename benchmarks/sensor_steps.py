"""What levels at other steps than 125 ms are worth: classes of recordings, step by step.

Each recording is analysed as a sensor would that stores a frame every 100 or 128.2 ms; its levels
are brought to 125 ms as those of an archive. Slow ones are means of the 100-ms levels. Compared
with the 125-ms levels of the same recording, second by second; beside them, what little a start
that is half a frame later changes.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.files import REFERENCE_MODELS

FAST_HOPS = {0.1: 3200, 0.1281875: 4102}  # seconds -> samples at 32 kHz
SLOW = {0.2: 2, 0.5: 5, 1.0: 10}  # seconds -> frames of 100 ms


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("audio", nargs="+", type=Path, help="sound files")
    parser.add_argument("--method", default="cnn_logits", help="as of classify_third_octave.py")
    parser.add_argument("--models", type=Path, default=REFERENCE_MODELS)
    parser.add_argument("--classifier_weights", type=Path, help="of YAMNet")
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    import numpy as np

    from archives.networks import load_level_classifier
    from archives.selection import traffic_voice_birds
    from transcoder.devices import choose_device

    classify, about = load_level_classifier(
        "YamNet",
        args.method,
        models=args.models,
        weights=args.classifier_weights,
        device=choose_device("cpu"),
    )
    print(f"{about['classifier']} behind {about['transcoder']}, {len(args.audio)} recordings")
    groups = traffic_voice_birds("YamNet")
    rows: dict[str, list] = {}
    for path in args.audio:
        usual, others = _probabilities(path, classify)
        for name, found in others:
            n = min(len(found), len(usual))
            rows.setdefault(name, []).append((usual[:n], found[:n]))
    for name, pairs in rows.items():
        usual, found = (np.concatenate(side) for side in zip(*pairs, strict=True))
        is_same = found.argmax(axis=1) == usual.argmax(axis=1)
        best = np.argsort(-usual, axis=1)[:, :5]
        in_five = (best == found.argmax(axis=1)[:, np.newaxis]).any(axis=1)
        means = [[groups.apply(side)[0].mean(axis=0) for side in pair] for pair in pairs]
        change = np.abs(np.diff(means, axis=1)).squeeze(1)
        presence = ", ".join(
            f"{group} {before:.3f} -> {after:.3f}"
            for group, (before, after) in zip(groups.names, np.mean(means, axis=0).T, strict=True)
        )
        print(
            f"{name:>20}: same top class in {is_same.mean():.0%} of {len(usual)} s "
            f"(in the top 5: {in_five.mean():.0%}); mean presence of {presence}; largest change "
            f"in a recording {change.max():.3f}"
        )
    return 0


def _probabilities(path: Path, classify) -> tuple:
    """Classes of each second at 125 ms, and at each other step."""
    import numpy as np
    import torch

    from transcoder.audio import read_audio, resample
    from transcoder.settings import THIRD_OCTAVE
    from transcoder.third_octave import ThirdOctave

    waveform, rate = read_audio(path)
    waveform = torch.from_numpy(resample(waveform, rate, THIRD_OCTAVE.sample_rate))

    def levels(hop_length: int, start: int = 0) -> np.ndarray:
        return ThirdOctave(replace(THIRD_OCTAVE, hop_length=hop_length))(waveform[start:]).numpy()

    def others() -> Iterator[tuple[str, np.ndarray]]:
        later = levels(THIRD_OCTAVE.hop_length, THIRD_OCTAVE.hop_length // 2)
        yield "125 ms, 62 ms later", _classes(later, 0.125, classify)
        for step_s, hop_length in FAST_HOPS.items():
            yield f"{step_s * 1000:.1f} ms", _classes(levels(hop_length), step_s, classify)
        power = 10 ** (levels(FAST_HOPS[0.1]) / 10)
        for step_s, n in SLOW.items():
            means = power[: len(power) // n * n].reshape(-1, n, power.shape[1]).mean(axis=1)
            yield f"{step_s * 1000:.1f} ms", _classes(10 * np.log10(means), step_s, classify)

    return _classes(levels(THIRD_OCTAVE.hop_length), 0.125, classify), others()


def _classes(levels, step_s: float, classify):
    import numpy as np

    from archives.frames import Block
    from archives.timeline import Timeline, Units

    timeline = Timeline(step_s=step_s, allow_slow=True)
    return classify(Units.join(list(timeline.units([Block(None, levels.astype(np.float32))]))))


if __name__ == "__main__":
    sys.exit(main())
