"""When two Mel spectrograms count as the same."""

import torch

from transcoder.filters import from_log


def assert_same_mels(log_mel, golden, front_end):
    """Amplitudes alike to 1e-4 (.9e-3 dB), or to 1e-5 of the chunk's loudest band (-100 dB).

    Below that lies the noise of a float32 FFT, the goldens' own included: another processor has
    another one. Where the logarithm's floor hides the amplitude, 1e-4 of that floor.
    """
    measured, expected = (
        from_log(torch.as_tensor(mels).double(), front_end) ** (1 / front_end.power)
        for mels in (log_mel, golden)
    )
    floor = front_end.log_floor ** (1 / front_end.power)
    tolerance = 1e-4 * (expected + floor) + 1e-5 * expected.amax(dim=(-1, -2), keepdim=True)
    excess = (measured - expected).abs() / tolerance
    assert measured.shape == expected.shape
    assert excess.max() < 1, f"{float(excess.max()):.3g} times the tolerance"
