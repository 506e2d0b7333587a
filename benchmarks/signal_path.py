"""Speed of the signal path, each part beside the plain way of doing it, in one run.

PINV folded against its 2049-bin chain (time and memory), third-octave levels against a loop over
frames, Mel inversion against librosa (time and error), the CNN's forward pass, and the noise
vocoder (time and the memory of 20 minutes).
"""

import sys

from benchmarks.timing import peak_memory_mb, seconds_each
from transcoder.cli import Parser, reports_errors

_PINV_MEMORY = """
import torch
from {module} import {name} as Pinv
torch.set_num_threads(1)
pinv, levels = Pinv("{classifier}"), torch.rand(64, 8, 29) * 60
pinv(levels[:1])
start()
pinv(levels)
"""

_NOISE_MEMORY = """
import torch
from transcoder.noise_vocoder import noise_vocoder_seconds
torch.set_num_threads(1)
levels = 40 + 20 * torch.rand(1200, 8, 29)
start()
for second in noise_vocoder_seconds(levels):
    pass
"""


def build_parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    return parser


@reports_errors
def main(argv=None) -> int:
    args = build_parser().parse_args(argv)
    import torch

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    with torch.no_grad():
        for classifier in ("PANN", "YamNet"):
            compare_pinv(classifier)
        compare_third_octave()
        for classifier in ("PANN", "YamNet"):
            compare_inversion(classifier)
            time_cnn(classifier)
        time_noise_vocoder()
    return 0


def compare_pinv(classifier: str) -> None:
    import torch

    from benchmarks.literal_pinv import LiteralPinv
    from transcoder.pinv import Pinv

    levels = torch.rand(64, 8, 29) * 60
    literal, folded = LiteralPinv(classifier), Pinv(classifier)
    difference = (literal(levels) - folded(levels)).abs().max()
    slow, fast = seconds_each(lambda: literal(levels), lambda: folded(levels))
    memory = [
        peak_memory_mb(_PINV_MEMORY.format(module=module, name=name, classifier=classifier))
        for module, name in (
            ("benchmarks.literal_pinv", "LiteralPinv"),
            ("transcoder.pinv", "Pinv"),
        )
    ]
    print(
        f"PINV {classifier}, batch 64: {slow * 1e3:.1f} ms literal, {fast * 1e3:.2f} ms folded: "
        f"{slow / fast:.0f} times faster; memory {memory[0]:.0f} MB and {memory[1]:.0f} MB; "
        f"largest difference {difference:.1e}"
    )


def compare_third_octave() -> None:
    import torch

    from transcoder.settings import THIRD_OCTAVE
    from transcoder.third_octave import ThirdOctave

    chunks = torch.randn(64, 32_000)
    transform = ThirdOctave()
    window = transform.window.float()
    basis = transform.basis.float().T.contiguous()

    def loop() -> torch.Tensor:
        levels = torch.empty(64, 8, 29)
        for i, chunk in enumerate(chunks):
            padded = torch.nn.functional.pad(chunk, (0, 96))
            for j in range(8):
                frame = padded[j * 4000 : j * 4000 + 4096] * window
                power = torch.fft.rfft(frame).abs() ** 2
                levels[i, j] = 10 * torch.log10(basis @ power) + THIRD_OCTAVE.offset_db
        return levels

    torch.testing.assert_close(loop(), transform(chunks), atol=1e-3, rtol=0)
    slow, fast = seconds_each(loop, lambda: transform(chunks))
    print(
        f"third-octave levels, 64 chunks: {slow * 1e3:.0f} ms frame by frame, "
        f"{fast * 1e3:.1f} ms batched: {slow / fast:.1f} times faster"
    )


def compare_inversion(classifier: str) -> None:
    """Both ways invert the project's sample; errors are of the log-Mels of what they return."""
    import numpy as np
    import torch

    from transcoder.audio import prepare, read_audio
    from transcoder.files import PROJECT_ROOT
    from transcoder.filters import from_log
    from transcoder.inversion import mels_to_wave
    from transcoder.mels import LogMel
    from transcoder.settings import front_end

    end = front_end(classifier)
    wave = prepare(*read_audio(PROJECT_ROOT / "audio" / "street_scene.wav"), end.sample_rate)
    log_mel = LogMel(classifier, patch=False)
    target = log_mel(torch.from_numpy(wave)[None])
    librosa_input = from_log(target[0], end).T.numpy().astype(np.float32)

    def with_librosa() -> torch.Tensor:
        import librosa

        audio = librosa.feature.inverse.mel_to_audio(
            librosa_input,
            sr=end.sample_rate,
            n_fft=end.n_fft,
            hop_length=end.hop_length,
            win_length=end.win_length,
            power=end.power,
            n_iter=32,
            fmin=end.f_min_hz,
            fmax=end.f_max_hz,
            htk=end.mel_scale == "htk",
            norm=end.mel_norm,
            length=wave.size,
        )
        return torch.from_numpy(audio)[None]

    def ours() -> torch.Tensor:
        return mels_to_wave(target, classifier)[:, : wave.size]

    to_db = 1.0 if end.log == "db" else 20 / np.log(10)
    errors = [
        float((log_mel(way())[:, : target.shape[1]] - target).square().mean().sqrt()) * to_db
        for way in (with_librosa, ours)
    ]
    slow, fast = seconds_each(with_librosa, ours, repeats=3)
    print(
        f"Mel inversion {classifier}, 10 s: librosa {errors[0]:.2f} dB in {slow:.2f} s, "
        f"ours {errors[1]:.2f} dB in {fast:.2f} s: {slow / fast:.1f} times faster"
    )


def time_cnn(classifier: str) -> None:
    import torch

    from transcoder.models import ModelSettings, build_model

    model = build_model(ModelSettings("cnn_pinv", classifier, 5, 5, 64, 1)).eval()
    levels = torch.rand(64, 8, 29) * 60
    (seconds,) = seconds_each(lambda: model(levels), repeats=3)
    print(f"CNN forward {classifier}, 5 layers of 64 channels: {64 / seconds:.0f} chunks a second")


def time_noise_vocoder() -> None:
    import time

    import torch

    from transcoder.audio import chunk_batches, read_audio
    from transcoder.files import PROJECT_ROOT
    from transcoder.noise_vocoder import noise_vocoder
    from transcoder.settings import THIRD_OCTAVE
    from transcoder.third_octave import ThirdOctave

    wave, rate = read_audio(PROJECT_ROOT / "audio" / "street_scene.wav")
    (chunks,) = chunk_batches(wave, rate, THIRD_OCTAVE.sample_rate, batch_size=10)
    levels = ThirdOctave()(torch.from_numpy(chunks))
    noise_vocoder(levels)
    start = time.process_time()  # of one thread: the machine may be shared
    noise_vocoder(levels)
    seconds = time.process_time() - start
    print(
        f"noise vocoder: {len(levels) / seconds:.0f} s of sound in a second of processor time; "
        f"{peak_memory_mb(_NOISE_MEMORY):.0f} MB for 20 minutes"
    )


if __name__ == "__main__":
    sys.exit(main())
