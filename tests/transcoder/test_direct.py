"""The straight way from levels to classes."""

import pytest
import torch

from transcoder.checkpoints import load_checkpoint, save_checkpoint
from transcoder.direct import QUIETEST_DB, Direct
from transcoder.errors import UsageError
from transcoder.models import ModelSettings, build_model, count_parameters
from transcoder.settings import FRONT_ENDS


def _trained(classifier: str = "YamNet") -> Direct:
    torch.manual_seed(0)
    model = Direct(classifier, width=32, layers=2)
    torch.nn.init.normal_(model.head.weight, std=0.1)
    return model.eval()


def test_it_has_about_a_million_weights():
    assert 1.0e6 < count_parameters(Direct("YamNet")) < 1.2e6


@pytest.mark.parametrize("classifier", FRONT_ENDS)
def test_it_gives_probabilities_of_all_classes(classifier):
    found = _trained(classifier)(torch.randn(5, 8, 29) * 10)
    assert found.shape == (5, FRONT_ENDS[classifier].n_classes)
    assert found.min() > 0 and found.max() < 1
    assert found.std(dim=0).max() > 0.01


def test_every_frame_and_band_counts():
    model = _trained()
    levels = torch.zeros(1, 8, 29)
    reference = model(levels)
    for frame in range(8):
        for band in (0, 14, 28):
            changed = levels.clone()
            changed[0, frame, band] += 20
            assert (model(changed) - reference).abs().max() > 1e-4


def test_silence_is_silence_whatever_its_number():
    model = _trained()
    silences = [torch.full((1, 8, 29), level) for level in (QUIETEST_DB, -154.0, -1e30)]
    answers = [model(silence) for silence in silences]
    assert torch.equal(answers[0], answers[1]) and torch.equal(answers[0], answers[2])


def test_it_begins_at_the_mean():
    model = Direct("YamNet", width=32, layers=1)
    mean = torch.linspace(0.001, 0.9, 521)
    model.begin_at(mean)
    torch.testing.assert_close(model(torch.randn(2, 8, 29)), mean.expand(2, -1))


@pytest.mark.parametrize("model_type", ["direct", "textured"])
def test_checkpoints_rebuild_it(model_type, tmp_path):
    settings = ModelSettings(model_type, "YamNet", token_width=32, token_layers=2)
    model = build_model(settings).eval()
    torch.nn.init.normal_(model.head.weight, std=0.1)
    save_checkpoint(tmp_path / "model", model, settings=settings)
    again, read = load_checkpoint(tmp_path / "model", classifier="YamNet")
    levels = torch.randn(3, 8, 29)
    assert read == settings
    assert torch.equal(again(levels), model(levels))


def test_other_inputs_are_refused():
    with pytest.raises(UsageError, match="third-octave levels"):
        ModelSettings("direct", "YamNet", token_width=32, token_layers=2, input_type="mel_time")
