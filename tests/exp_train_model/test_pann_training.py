"""PANN's ResNet38 while it is trained: SpecAugment and dropout where the published one has them."""

import pytest
import torch

from pann.network import ResNet38, drop_stripes


@pytest.mark.parametrize("axis, size, width", [(2, 101, 64), (3, 64, 8)])
def test_stripes_are_uniform_in_width_and_place(axis, size, width):
    torch.manual_seed(0)
    n = 40_000
    shape = [n, 1, 1, 1]
    shape[axis] = size
    dropped = (drop_stripes(torch.ones(shape), axis, width, n_stripes=1) == 0).reshape(n, size)
    widths = dropped.sum(dim=1)
    counts = torch.bincount(widths, minlength=width).double() / n
    assert len(counts) == width  # from 0 to one less than the width
    torch.testing.assert_close(counts, torch.full_like(counts, 1 / width), rtol=0, atol=0.008)
    for w in (1, width // 2, width - 1):  # one run of neighbours, anywhere that it fits
        rows = dropped[widths == w]
        begins = rows.double().argmax(dim=1)
        assert (rows.long().diff(dim=1) == 1).sum(dim=1).max() <= 1
        assert begins.min() == 0 or w * 100 > size
        assert begins.max() <= size - w
        middle = (size - w - 1) / 2  # begins are uniform below size - w
        assert begins.double().mean() == pytest.approx(middle, abs=size / 12)


def test_two_stripes_on_each_axis_of_each_sample():
    torch.manual_seed(1)
    n = 20_000
    dropped = drop_stripes(torch.ones(n, 1, 101, 1), axis=2, width=64) == 0
    runs = (dropped.squeeze().long().diff(dim=1) == 1).sum(dim=1) + dropped[:, 0, 0, 0]
    assert runs.max() == 2
    assert len({tuple(row.tolist()) for row in dropped[:50, 0, :, 0]}) > 45  # samples differ
    share = dropped.double().mean()
    one = torch.tensor([w / 101 for w in range(64)]).mean()
    assert share == pytest.approx(float(1 - (1 - one) ** 2), abs=0.03)


def first_block_inputs(network, mels):
    """What the first convolution is given."""
    seen = []
    hook = network.conv_block1.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.no_grad():
        network(mels)
    hook.remove()
    return seen[0]


def test_augmented_behind_the_first_batch_norm_in_training_only():
    torch.manual_seed(2)
    network, mels = ResNet38(5), torch.randn(6, 101, 64)
    network.eval()
    assert (first_block_inputs(network, mels) != 0).all()
    network.train()
    given = first_block_inputs(network, mels)
    assert given.shape == (6, 1, 101, 64)
    whole_frames = (given == 0).all(dim=3).sum(dim=2)
    whole_bands = (given == 0).all(dim=2).sum(dim=2)
    assert whole_frames.max() > 8 and 0 < whole_bands.max() <= 14
    inside = given[0, 0][~((given == 0)[0, 0])]
    assert inside.abs().max() > 1  # normalised, not scaled as dropout would


def test_nothing_disturbs_what_the_last_layer_is_given():
    """Published: the dropout behind fc1 touches the unused embedding alone."""
    torch.manual_seed(3)
    network = ResNet38(5).train()
    embeddings, inputs = [], []
    network.fc1.register_forward_hook(lambda m, a, out: embeddings.append(out))
    network.fc_audioset.register_forward_pre_hook(lambda m, args: inputs.append(args[0]))
    with torch.no_grad():
        network(torch.randn(4, 101, 64))
    assert torch.equal(inputs[0], embeddings[0].relu())
