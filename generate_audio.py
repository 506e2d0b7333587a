"""Turn a recording into the sounds that third-octave levels of it still contain.

Writes, into audio_generated/<name>/ (for PANN <name>_PANN/): the original; the audio regenerated
from its true Mel spectrogram (what the inversion alone loses); the audio from Mels that PINV,
texture, CNN-mels, CNN-logits and textured make of its third-octave levels; noise that has these
levels (the noise vocoder: no Mels between, and the nearest to the recording); a figure of the
spectrograms. Prints the classes that the classifier hears in each, and those that direct tells
from the levels, and writes them to a table.
"""

import sys
from math import log10
from pathlib import Path

from transcoder.cli import Parser, check_least, reports_errors
from transcoder.errors import UsageError, UserError
from transcoder.files import WORK_ROOT, printable, remove_temporary, sound_path
from transcoder.locks import only_run
from transcoder.names import (
    CLASS_METHODS,
    MELS,
    NOISE_VOCODER,
    TITLES,
    TRUE_MELS,
    WAV_ENDINGS,
    WAYS,
    of_classifier,
    wav_name,
)
from transcoder.options import add_classifier, add_classifier_weights, add_device, add_models

LONGEST_S = 600
"""Of a recording: with ten minutes a gigabyte of memory is in use."""


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("audio", type=sound_path, help="sound file, or the name of one in audio/")
    add_classifier(parser)
    add_models(parser)
    add_classifier_weights(parser)
    parser.add_argument(
        "--output",
        type=Path,
        default=WORK_ROOT / "audio_generated",
        help="folder of the recordings' folders",
    )
    parser.add_argument("--offset", type=float, default=0.0, help="start in the file, in seconds")
    parser.add_argument("--duration", type=float, help="seconds to use (default: to the end)")
    parser.add_argument("--iterations", type=int, default=32, help="Griffin-Lim iterations")
    parser.add_argument(
        "--seed", type=int, default=0, help="of Griffin-Lim's first phase and of noise"
    )
    add_device(parser)
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    check_least(args, iterations=1)
    if args.duration is not None and not args.duration > 0:
        raise UsageError(f"--duration must be above 0, not {args.duration:g}")

    folder = args.output / of_classifier(args.audio.stem, args.classifier)
    with only_run(folder / args.audio.stem):
        return _run(args, folder)


def _run(args, folder: Path) -> int:
    from transcoder.audio import AudioError, open_recording, prepare, second_weights
    from transcoder.devices import choose_device
    from transcoder.hearing import hear_recording, weighted_mean
    from transcoder.settings import THIRD_OCTAVE
    from transcoder.transcode import models_used

    device = choose_device(args.device)
    sound = open_recording(args.audio, offset_s=args.offset, duration_s=args.duration)
    if sound.duration_s > LONGEST_S:
        raise UsageError(
            f"{args.audio}: {sound.duration_s / 60:.0f} min of sound are too long for memory: give "
            f"--duration {LONGEST_S} or less, with --offset for later parts"
        )
    waveform, sample_rate = sound.waveform, sound.sample_rate
    if not waveform.any():
        raise AudioError(f"{args.audio}: is silent, there is nothing to transcode")
    classifier, ways, missing = _load(args, device)
    reference = ways["pinv"]  # any of them computes the true Mels alike
    chunks = {TRUE_MELS: reference.true_mels(waveform, sample_rate)}
    for method in [method for method in ways if method not in CLASS_METHODS]:
        chunks[method] = ways[method].from_wave(waveform, sample_rate)
    noise = shaped_noise(
        reference.third_octave_of(waveform, sample_rate), waveform, sample_rate, args.seed
    )
    chunks[NOISE_VOCODER] = reference.true_mels(noise, THIRD_OCTAVE.sample_rate)
    name = args.audio.stem
    others = (folder / f"{name}_spectrograms.png", folder / f"{name}_classes.csv")
    remove_temporary(*(folder / wav_name(name, sound) for sound in WAV_ENDINGS), *others)
    used = models_used(ways, classifier)
    original = prepare(waveform, sample_rate, reference.front_end.sample_rate)
    _write(folder / name, original, chunks, noise, used, args)
    print(*used, f"wrote {folder}", sep="\n")
    if classifier is not None:
        weights = second_weights(len(waveform), sample_rate)
        top = {
            method: classifier.top(hear_recording(classifier, mels, weights=weights))
            for method, mels in chunks.items()
        }
        for method in [method for method in ways if method in CLASS_METHODS]:
            seconds = ways[method].from_wave(waveform, sample_rate)
            top[method] = classifier.top(weighted_mean(seconds, weights))
        sources = {method: way.source for method, way in ways.items()}
        write_classes(folder / f"{name}_classes.csv", top, classifier.label, sources)
        print_classes(top, classifier.label)
    for line in missing:
        print(f"missing: {line}", file=sys.stderr)
    return 0


def _load(args, device) -> tuple:
    """The classifier or None, all ways that there are, and what is missing."""
    from transcoder.classifiers import find_classifier
    from transcoder.transcode import load_transcoders

    classifier, missing = find_classifier(args.classifier, args.classifier_weights)
    ways, not_found = load_transcoders(
        args.classifier, models=args.models, judge=classifier, methods=WAYS, device=device
    )
    if classifier is not None:
        classifier.to(device)
    return classifier, ways, missing + not_found


def shaped_noise(levels_db, waveform, sample_rate: int, seed: int):
    """`noise_vocoder` of a recording's levels, as long as the recording."""
    from transcoder.noise_vocoder import noise_vocoder
    from transcoder.settings import THIRD_OCTAVE

    samples = round(waveform.size * THIRD_OCTAVE.sample_rate / sample_rate)
    return noise_vocoder(levels_db, seed=seed)[:samples].numpy()


def _write(stem: Path, original, chunks: dict, noise, used: list[str], args) -> None:
    """Invert the Mels; write the wavs and the figure, whose names begin with ``stem``."""
    import torch

    from transcoder.audio import write_audio
    from transcoder.inversion import mels_to_wave
    from transcoder.mels import LogMel, join_chunks
    from transcoder.plots import mel_figure, save_figure
    from transcoder.settings import THIRD_OCTAVE, front_end

    end, folder, name = front_end(args.classifier), stem.parent, stem.name
    joined = {method: join_chunks(mels, end, original.size) for method, mels in chunks.items()}
    inverted = [method for method in joined if method != NOISE_VOCODER]
    waves = mels_to_wave(
        torch.stack([joined[method] for method in inverted]),
        args.classifier,
        iterations=args.iterations,
        seed=args.seed,
    )[:, : original.size]
    if not waves.isfinite().all():
        raise UserError(
            f"{args.models}: a transcoder's output is not finite; retrain or replace it"
        )
    regenerated = LogMel(args.classifier, patch=False)(waves[:1])[0]

    write_audio(folder / wav_name(name, "original"), original, end.sample_rate)
    for method, wave in zip(inverted, waves.numpy(), strict=True):
        _write_within_full_scale(folder / wav_name(name, method), wave, end.sample_rate)
    _write_within_full_scale(
        folder / wav_name(name, NOISE_VOCODER), noise, THIRD_OCTAVE.sample_rate
    )
    panels = {"original": joined.pop(TRUE_MELS), "regenerated from true Mels": regenerated}
    panels |= {MELS[method]: mels for method, mels in joined.items()}
    title = f"{printable(name)}: Mel spectrograms for {args.classifier}"
    figure = mel_figure(panels, end, scale="original", title=title, notes=used)
    save_figure(figure, folder / f"{name}_spectrograms.png")


def _write_within_full_scale(path: Path, wave, sample_rate: int) -> None:
    from transcoder.audio import write_audio

    peak = abs(wave).max()
    if peak > 1:  # nobody is to be startled by a player that turns the volume up
        wave = wave / peak
        if 20 * log10(peak) >= 0.05:
            print(f"{path.name}: turned down by {20 * log10(peak):.1f} dB, to full scale")
    write_audio(path, wave, sample_rate)


def write_classes(path: Path, top: dict, teacher: str, sources: dict[str, str]) -> None:
    """One row for each of the top classes of the true Mels and of each way from levels.

    ``teacher`` names the classifier's weights, ``sources`` each method's checkpoint.
    """
    import pandas as pd

    from transcoder.files import atomic_path

    rows = [
        (method, rank, name, round(probability, 6), teacher, sources.get(method, "-"))
        for method, classes in top.items()
        for rank, (name, probability) in enumerate(classes, start=1)
    ]
    columns = ["mels", "rank", "class", "probability", "classifier", "transcoder"]
    with atomic_path(path) as temporary:
        pd.DataFrame(rows, columns=columns).to_csv(temporary, index=False)


def print_classes(top: dict, teacher: str) -> None:
    """Print the top classes of the true Mels and of each way from levels side by side."""
    columns = []
    for method, classes in top.items():
        title = TITLES[method]
        columns.append([f"{title:<30}"] + [f"{p:.3f} {name[:22]:<24}" for name, p in classes])
    print(f"top 10 classes, {teacher}:")
    for row in zip(*columns, strict=True):
        print(("  " + "".join(row)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
