"""How well each way back to sound does: the recording's own Mels, each transcoder's, shaped noise.

For each recording and method: correlation of the band envelopes (dB, third-octaves that the
classifier's Mels cover), error of the levels when analysed again (the same bands, then all 29),
distance of the modulation spectra, change of the spectrum where seconds meet over that where other
frames do, and where frames meet over that anywhere (1: no seam), and the largest second difference
over its surroundings (13 to 14 dB: noise; far more: a click).
Prints the means over the recordings, and writes each figure to a table.
"""

import sys
from pathlib import Path

from transcoder.cli import Parser, reports_errors
from transcoder.files import REFERENCE_MODELS, sound_path
from transcoder.options import add_classifier

COLUMNS = {
    "envelope_correlation": "envelope correlation",
    "level_error_db": "level error, dB",
    "level_error_all_bands_db": "of all bands, dB",
    "modulation_distance_db": "modulation distance, dB",
    "seam_of_seconds": "seconds' seam",
    "seam_of_frames": "frames' seam",
    "click_db": "click, dB",
}


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "sounds", nargs="+", type=sound_path, help="sound files, or names in audio/"
    )
    add_classifier(parser)
    parser.add_argument("--models", type=Path, default=REFERENCE_MODELS)
    parser.add_argument("--classifier_weights", type=Path, help="for which the CNN-logits is")
    parser.add_argument("--duration", type=float, help="seconds of each to use (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="of first phases and of noise")
    parser.add_argument("--table", type=Path, help="write each recording's figures to this csv")
    parser.add_argument("--figures", type=Path, help="draw spectrograms into this folder")
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    import pandas as pd

    from transcoder.audio import read_audio
    from transcoder.classifiers import find_classifier
    from transcoder.files import atomic_path
    from transcoder.settings import front_end
    from transcoder.transcode import load_transcoders, models_used

    judge, missing = find_classifier(args.classifier, args.classifier_weights)
    transcoders, not_found = load_transcoders(args.classifier, models=args.models, judge=judge)
    end, rows = front_end(args.classifier), []
    for path in args.sounds:
        waveform, rate = read_audio(path, duration_s=args.duration)
        sounds = make_sounds(waveform, rate, end, transcoders, args.seed)
        for method, (wave, wave_rate) in sounds.items():
            figures = measure(sounds["original"][0], wave, wave_rate, end)
            rows.append({"recording": path.stem, "method": method, **figures})
        if args.figures:
            draw(sounds, args.figures / f"{path.stem}_sounds.png", path.stem)
    table = pd.DataFrame(rows)
    if args.table:
        with atomic_path(args.table) as temporary:
            table.round(4).to_csv(temporary, index=False)
    print(*models_used(transcoders, judge), sep="\n")
    print(f"mean over {len(args.sounds)} recordings, levels within 60 dB of the loudest:")
    means = table.groupby("method", sort=False)[list(COLUMNS)].mean()
    print(means.rename(columns=COLUMNS).round(2).to_string())
    for line in missing + not_found:
        print(f"missing: {line}", file=sys.stderr)
    return 0


def make_sounds(waveform, rate: int, end, transcoders: dict, seed: int) -> dict:
    """Each method's sound of a recording: name -> ``(samples,)`` and its rate."""
    import torch

    from transcoder.audio import prepare
    from transcoder.inversion import mels_to_wave
    from transcoder.mels import join_chunks
    from transcoder.names import TRUE_MELS
    from transcoder.noise_vocoder import noise_vocoder
    from transcoder.settings import THIRD_OCTAVE

    original = torch.from_numpy(prepare(waveform, rate, THIRD_OCTAVE.sample_rate))
    reference = transcoders["pinv"]  # any of them computes the true Mels alike
    chunks = {TRUE_MELS: reference.true_mels(waveform, rate)}
    chunks |= {name: t.from_wave(waveform, rate) for name, t in transcoders.items()}
    n_samples = round(original.numel() * end.sample_rate / THIRD_OCTAVE.sample_rate)
    mels = torch.stack([join_chunks(m, end, n_samples) for m in chunks.values()])
    waves = mels_to_wave(mels, end.classifier, seed=seed)[:, :n_samples]
    levels = reference.third_octave_of(waveform, rate)
    shaped = noise_vocoder(levels, seed=seed)[: original.numel()]
    sounds = {"original": (original, THIRD_OCTAVE.sample_rate)}
    sounds |= {name: (wave, end.sample_rate) for name, wave in zip(chunks, waves, strict=True)}
    return sounds | {"noise_vocoder": (shaped, THIRD_OCTAVE.sample_rate)}


def measure(original, wave, rate: int, end) -> dict[str, float]:
    """The figures of `COLUMNS` for one sound; ``original`` has the third-octaves' rate."""
    from benchmarks.sound_measures import (
        bands_between,
        click_db,
        envelope_correlation,
        level_error_db,
        modulation_distance_db,
        seam_ratios,
    )
    from transcoder.settings import THIRD_OCTAVE

    true_levels, levels = levels_of(original, THIRD_OCTAVE.sample_rate), levels_of(wave, rate)
    seconds, frames = seam_ratios(wave, rate)
    covered = bands_between(end.f_min_hz, end.f_max_hz)
    return {
        "envelope_correlation": envelope_correlation(true_levels, levels, covered),
        "level_error_db": level_error_db(true_levels, levels, covered),
        "level_error_all_bands_db": level_error_db(true_levels, levels),
        "modulation_distance_db": modulation_distance_db(
            original, wave, THIRD_OCTAVE.sample_rate, rate
        ),
        "seam_of_seconds": seconds,
        "seam_of_frames": frames,
        "click_db": click_db(wave, rate),
    }


def levels_of(wave, rate: int):
    """Third-octave levels of whole seconds: ``(samples,)`` -> ``(frames, 29)`` dB."""
    import torch

    from transcoder.audio import resample, to_chunks
    from transcoder.settings import THIRD_OCTAVE
    from transcoder.third_octave import ThirdOctave

    samples = resample(wave.numpy(), rate, THIRD_OCTAVE.sample_rate)
    chunks = torch.from_numpy(to_chunks(samples, THIRD_OCTAVE.sample_rate))
    return ThirdOctave()(chunks).flatten(0, 1)


def draw(sounds: dict, path: Path, title: str) -> None:
    """Mel spectrograms up to 14 kHz of each method's sound, on one colour scale."""
    import torch

    from transcoder.audio import resample
    from transcoder.mels import LogMel
    from transcoder.plots import mel_figure, save_figure
    from transcoder.settings import PANN

    log_mel = LogMel(PANN.classifier, patch=False)
    panels = {}
    for method, (wave, rate) in sounds.items():
        samples = torch.from_numpy(resample(wave.numpy(), rate, PANN.sample_rate))
        panels[method] = log_mel(samples[None])[0]
    save_figure(mel_figure(panels, PANN, scale="original", title=title), path)


if __name__ == "__main__":
    sys.exit(main())
