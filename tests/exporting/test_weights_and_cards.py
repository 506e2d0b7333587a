"""Weights as safetensors, folders for hubs, and cards that are as new as what they tell."""

import json

import pytest
import torch
import yaml
from archive_data import save_tokens
from safetensors.torch import load_file, save_file

import export_model
from exporting.cards import card_of, training_command
from exporting.hub import HubTranscoder
from exporting.write_cards import shipped_cards
from transcoder.checkpoint_choice import find_checkpoint
from transcoder.checkpoints import load_checkpoint, read_settings
from transcoder.classifiers import SMALL_YAMNET, load_network
from transcoder.errors import UserError
from transcoder.files import REFERENCE_MODELS
from transcoder.names import factors_of
from transcoder.weights import load_state, save_state


def test_cards_are_as_new_as_models_and_scores():
    folder = REFERENCE_MODELS / "cards"
    made = shipped_cards()
    old = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    assert old == made, "run: python -m exporting.write_cards"
    assert len(made) == 1 + sum(
        "shipped: true" in path.read_text() for path in REFERENCE_MODELS.glob("*_settings.yaml")
    )


def test_a_card_has_what_people_ask_for():
    text = shipped_cards()["YamNet_direct_176_wide_epoch_50.md"]
    front = yaml.safe_load(text.split("---")[1])
    assert front["license"] == "mit" and front["library_name"] == "spectral-transcoder"
    for heading in ("Data", "Training", "Scores", "Limits", "Licence"):
        assert f"\n## {heading}\n" in text
    assert "--distinct_mixtures 40960 -s direct/" in text
    assert "0.0172 (0.0156 to 0.0191)" in text  # as reference_models/README.md has it


def test_training_commands_are_understood():
    """What a card says can be run: the selectors choose one setting, the options exist."""
    import shlex

    from exp_train_model.main_doce_training import build_parser

    for text in shipped_cards().values():
        line = next(li for li in text.splitlines() if li.startswith("python "))
        if "main_doce_training" in line:
            assert "-s .../" not in line
            build_parser().parse_args(shlex.split(line)[2:])


def test_a_training_command_has_the_options_that_counted():
    factors = factors_of(next(REFERENCE_MODELS.glob("*+transcoder=textured+ts=1_model")).name)
    table = {"batch_size": 32, "settings": {"noise_draws": 4, "recipe": "quick", "seed": 0}}
    command = training_command(factors, table)
    assert "--recipe quick --batch_size 32 --noise_draws 4 -s textured/" in command


def test_weights_in_either_format_are_the_same_model(tmp_path):
    path = save_tokens(tmp_path, "direct")
    target = tmp_path / "other" / f"{path.name}.safetensors"
    assert export_model.main([str(target), f"--models={tmp_path}"]) == 0
    assert (
        find_checkpoint(tmp_path / "other", classifier="YamNet", method="direct", judge=None)
        == target
    )
    one, two = load_checkpoint(path)[0], load_checkpoint(target, classifier="YamNet")[0]
    for key, value in one.state_dict().items():
        assert torch.equal(value, two.state_dict()[key])


def test_classifiers_are_read_from_safetensors(tmp_path):
    path = tmp_path / "small.safetensors"
    save_state(path, load_state(SMALL_YAMNET, missing_hint=""))
    wanted = load_network("YamNet", SMALL_YAMNET).state_dict()
    for key, value in load_network("YamNet", path).state_dict().items():
        assert torch.equal(value, wanted[key])


@pytest.mark.parametrize("damage", ["cut", "text", "nan", "float8", "strange"])
def test_damaged_safetensors_are_refused_in_a_line(damage, tmp_path):
    path = save_tokens(tmp_path, "direct")
    target = path.with_name(f"{path.name}.safetensors")
    state = load_state(path, missing_hint="")
    key = next(iter(state))
    if damage == "nan":
        state[key][0] = float("nan")
    elif damage == "float8":
        state[key] = state[key].to(torch.float8_e4m3fn)
    elif damage == "strange":
        state["more"] = torch.zeros(1)
    save_file(state, target)
    if damage == "cut":
        target.write_bytes(target.read_bytes()[:-100])
    elif damage == "text":
        target.write_text("no weights at all, but text of some length")
    with pytest.raises(UserError, match=r"\.safetensors: "):
        load_checkpoint(target)


def test_a_hub_folder_comes_back_as_the_same_model(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = tmp_path / "street"
    assert export_model.main([str(folder)]) == 0
    assert sorted(p.name for p in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    path = find_checkpoint(REFERENCE_MODELS, classifier="YamNet", method="direct", judge=None)
    levels = 10 * torch.randn(3, 8, 29) - 20
    model = HubTranscoder.from_pretrained(folder)
    with torch.no_grad():
        assert torch.equal(model(levels), load_checkpoint(path)[0](levels))
    assert not model.training
    assert (folder / "README.md").read_text() == card_of(path.name, read_settings(path))
    model.save_pretrained(tmp_path / "again")
    for name in ("config.json", "README.md", "model.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_spoilt_hub_folders_are_refused(tmp_path):
    path = save_tokens(tmp_path, "textured")
    folder = tmp_path / "hub"
    HubTranscoder.of(path).save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    weights.pop(next(iter(weights)))
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(UserError, match="does not fit Textured"):
        HubTranscoder.from_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    config["table"]["token_width"] = 10**9
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="token_width must be"):
        HubTranscoder.from_pretrained(folder)
