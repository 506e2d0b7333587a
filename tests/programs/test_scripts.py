"""What holds for every script: fast, useful help, from any folder; the figures' scripts."""

import importlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
import soundfile
from matplotlib.figure import Figure

import bit_rate_calculation
import generate_audio
import plot_spectro_dcase2023
import plot_thirdo_mel_bands_repartition
from demo_scenes import figure
from exp_classif_eval import main_doce_score
from exp_train_model import main_doce_training
from reproduction import report, showcase
from transcoder import plots
from transcoder.checkpoint_choice import find_checkpoint, small_yamnet
from transcoder.checkpoints import read_settings
from transcoder.classifiers import SMALL_YAMNET, load_classifier
from transcoder.cli import Parser, reports_errors
from transcoder.errors import UsageError, UserError
from transcoder.files import PROJECT_ROOT, atomic_path, atomic_write_text
from transcoder.options import add_classifier, fetch_command
from transcoder.plots import add_notes


def scripts() -> list[Path]:
    """Every file of the project that can be run as a program."""
    found = [
        path
        for path in PROJECT_ROOT.rglob("*.py")
        if not any(part.startswith(".") for part in path.relative_to(PROJECT_ROOT).parts)
        and "tests" not in path.relative_to(PROJECT_ROOT).parts
        and "if __name__ ==" in path.read_text(encoding="utf-8")
    ]
    return sorted(found)


def processor_time_of_children_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


@pytest.mark.parametrize("script", scripts(), ids=lambda p: str(p.relative_to(PROJECT_ROOT)))
def test_help_is_fast_and_works_from_any_folder(script, tmp_path):
    command, folder = [script], tmp_path
    if script.parent.name == "benchmarks":  # no installed package: python -m benchmarks.NAME
        command, folder = ["-m", f"benchmarks.{script.stem}"], PROJECT_ROOT
    before_s = processor_time_of_children_s()
    done = subprocess.run(
        [sys.executable, *command, "--help"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
    # not the time by the clock: the machine may be busy
    assert processor_time_of_children_s() - before_s < 1
    assert not list(tmp_path.iterdir())


def test_unknown_options_end_with_status_2():
    done = subprocess.run(
        [sys.executable, PROJECT_ROOT / "generate_audio.py", "x.wav", "--nonsense"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "--nonsense" in done.stderr


def test_parser_takes_both_spellings_and_shows_defaults():
    parser = Parser()
    parser.add_argument("--data_path", default="here", help="folder")
    parser.add_argument("--dry-run", action="store_true", help="only print")
    args = parser.parse_args(["--data-path=there", "--dry_run"])
    assert (args.data_path, args.dry_run) == ("there", True)
    assert "folder (default: here)" in parser.format_help()
    assert "False" not in parser.format_help()


@pytest.mark.parametrize(
    "script, option",
    [
        ("generate_audio", "--output_path"),
        ("generate_audio", "--output-path"),
        ("exp_classif_eval.create_logit_dataset", "--output"),
        ("exp_classif_eval.create_logit_dataset", "--batch_size"),
        ("exp_train_model.create_mel_tho_dataset", "--output"),
        ("exp_train_model.export_experiment_results", "--exp_type"),
        ("exp_train_model.launch_experiment.slurms_create", "--exp-type"),
        ("exp_train_model.launch_experiment.launch_exp_py", "--experiment_size"),
    ],
)
def test_an_option_is_understood_by_each_of_its_names(script, option):
    parser = importlib.import_module(script).build_parser()
    required = {"generate_audio": ["x.wav"]}.get(script, [])
    if script.endswith("create_logit_dataset"):
        required = ["--audio_dataset_name", "SONYC-UST", "--transcoder", "true_mels", "CNN_logits"]
    value = {"--batch_size": "3"}.get(option, "detailed" if "exp" in option else "here")
    args = vars(parser.parse_args([*required, option, value]))
    assert value in map(str, args.values())
    assert args.get("transcoder", ["self", "cnn"]) == ["self", "cnn"]


def test_advised_commands_repeat_what_was_given(tmp_path, capsys):
    given = f"--experiment_path {tmp_path} --data_path {tmp_path}"
    selector = "hybridts/step=evaluate+dataset=TEST+classifier=YamNet+epoch=1+learning_rate=-3"
    arguments = ["-s", f"{selector}+dilation=1+prop_logit=100", "-c", *given.split()]
    assert main_doce_training.main(arguments) == 1
    command = capsys.readouterr().err.partition("with: ")[2].strip()
    assert command.startswith("python exp_train_model/") and str(tmp_path) in command
    given = f"--experiment_path {tmp_path} --audio_dataset_path {tmp_path} --data_path {tmp_path}"
    assert main_doce_score.main(["-s", "reference/[0, 0, 0, 0, 0]", "-c", *given.split()]) == 1
    command = f"--audio_dataset_path {tmp_path} --output_path {tmp_path}"
    assert command in capsys.readouterr().err
    assert fetch_command("TAU") == "python download_datasets.py -l TAU"
    assert (
        fetch_command("TAU", "my data") == "python download_datasets.py -l TAU --output 'my data'"
    )


@pytest.mark.parametrize("spelling", ["YamNet", "Yamnet", "YAMNet", "yamnet"])
def test_choices_are_taken_in_any_case(spelling):
    parser = Parser()
    add_classifier(parser)
    parser.add_argument("--dataset", nargs="+", choices=("TEST", "full"))
    args = parser.parse_args(["--classifier", spelling, "--dataset", "test", "FULL"])
    assert (args.classifier, args.dataset) == ("YamNet", ["TEST", "full"])
    assert parser.parse_args(["--classifier", "pann"]).classifier == "PANN"
    with pytest.raises(SystemExit):
        parser.parse_args(["--classifier", "yam"])


@pytest.mark.parametrize(
    "script",
    ["generate_audio", "calibrate_presence", "classify_audio", "classify_third_octave"],
)
def test_every_program_has_the_same_default_classifier(script):
    parser = importlib.import_module(script).build_parser()
    assert parser.get_default("classifier") == "YamNet"
    assert "that the Mels are for (default: YamNet)" in parser.format_help()


@pytest.mark.parametrize(
    "error, status", [(UserError("bad file"), 1), (UsageError("bad value"), 2)]
)
def test_errors_become_one_line_and_a_status(capsys, error, status):
    @reports_errors
    def main(argv=None):
        raise error

    assert main([]) == status
    assert capsys.readouterr().err == f"error: {error}\n"


@pytest.mark.parametrize(
    "command",
    [
        ["reproduce.py", "--demo", "--dry-run"],
        ["exp_train_model/launch_experiment/launch_exp_py.py", "--dry-run", "--exp_type=detailed"],
    ],
)
def test_a_reader_that_has_seen_enough_is_no_error(command):
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()  # as head does, after its lines
    assert process.stderr.read() == ""
    assert process.wait() == 141


def test_a_file_in_a_folders_place_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert plot_thirdo_mel_bands_repartition.main(["--output", str(tmp_path / "file")]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"error: {tmp_path / 'file'}: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_written_files_have_the_rights_that_the_mask_allows(tmp_path, mask):
    before = os.umask(mask)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: atomic_write_text(tmp_path / f"{i}.txt", "x"), range(200)))
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o666 & ~mask}


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="half way"), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("half way")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_band_figure(tmp_path):
    assert plot_thirdo_mel_bands_repartition.main(["--output", str(tmp_path)]) == 0
    for suffix, magic in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        file = tmp_path / f"thirdo_mel_bands_repartition.{suffix}"
        assert file.read_bytes().startswith(magic)
    assert (tmp_path / "thirdo_mels_bands_repartition.png").read_bytes().startswith(b"\x89PNG")


def test_bit_rates(tmp_path, capsys):
    """Of 32-kHz audio, both Mels and third-octave levels with 16 bits, and how far they differ."""
    assert bit_rate_calculation.main(["--output", str(tmp_path)]) == 0
    table = pd.read_excel(tmp_path / "bit_rate_calculation.xlsx", index_col=0)
    assert table["kbit/s"].tolist() == [512, 102.4, 102.4, 3.712]
    assert table["audio is larger by"].tolist() == [1, 5, 5, 137.9]
    assert "137.9" in capsys.readouterr().out
    assert bit_rate_calculation.main(["--bits", "0"]) == 2


@pytest.mark.parametrize("classifier, missing", [("PANN", 0), ("YamNet", 1)])
def test_spectrogram_figure(tmp_path, published_models, capsys, classifier, missing):
    arguments = ["--models", published_models, "--output", tmp_path, "--classifier", classifier]
    assert plot_spectro_dcase2023.main([str(a) for a in arguments]) == 0
    name = {"PANN": "spectro_dcase_2023_PANN", "YamNet": "spectro_dcase_2023"}[classifier]
    assert (tmp_path / f"{name}.png").stat().st_size > 20_000
    assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    assert capsys.readouterr().err.count("missing:") == missing


def test_the_figure_shows_the_methods_that_are_asked_for(tmp_path, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(plots, "mel_figure", lambda panels, *_, **__: shown.extend(panels))
    monkeypatch.setattr(plots, "save_figure", lambda *_: None)
    methods = ["texture", "textured", "pinv"]
    assert plot_spectro_dcase2023.main(["--methods", *methods, "--output", str(tmp_path)]) == 0
    assert shown == ["texture", "textured CNN", "PINV", "true Mels"]
    with pytest.raises(SystemExit, match="2"):
        plot_spectro_dcase2023.main(["--methods", "direct"])  # has no Mels
    assert "'direct'" in capsys.readouterr().err


def test_a_fresh_clone_draws_the_cnn_logits_of_the_yamnet_that_it_has(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("YAMNET_WEIGHTS", str(SMALL_YAMNET))
    small = load_classifier("YamNet")
    chosen = find_checkpoint(
        PROJECT_ROOT / "reference_models", classifier="YamNet", method="cnn_logits", judge=small
    )
    teacher = read_settings(chosen)["settings"]["teacher"]
    arguments = ["--classifier", "YamNet", "--output", str(tmp_path)]
    assert plot_spectro_dcase2023.main(arguments) == 0
    said = capsys.readouterr().out
    assert teacher == small_yamnet()["teacher_fingerprint"]
    assert f"CNN-logits: {chosen.name}" in said
    assert "classifier: YamNet small" in said
    drawn = (tmp_path / "spectro_dcase_2023.pdf").read_bytes()
    assert len(drawn) > 20_000


@pytest.mark.parametrize(
    "program, option",
    [
        (plot_spectro_dcase2023, "output"),
        (plot_thirdo_mel_bands_repartition, "output"),
        (generate_audio, "output"),
        (figure, "output"),
        (report, "results"),
    ],
)
def test_what_a_run_makes_goes_where_git_does_not_look(program, option):
    default = program.build_parser().get_default(option)
    done = subprocess.run(["git", "check-ignore", "-q", default / "x"], cwd=PROJECT_ROOT)
    assert done.returncode == 0, default


def test_results_are_shown_on_purpose(tmp_path, capsys):
    made, shown = tmp_path / "made", tmp_path / "shown"
    arguments = ["--made", str(made), "--shown", str(shown)]
    assert showcase.main(arguments) == 1
    assert "run: python reproduce.py --demo" in capsys.readouterr().err
    for folder, names in ((made, ["report.html", "a.png"]), (shown, ["a.png", "by_hand.png"])):
        folder.mkdir()
        for name in names:
            (folder / name).write_text(folder.name)
    assert showcase.main(arguments) == 0
    assert "left as it is: " + str(shown / "by_hand.png") in capsys.readouterr().out
    assert (shown / "a.png").read_text() == "made"
    assert not (shown / "report.html").exists()
    assert (shown / "by_hand.png").read_text() == "shown"


@pytest.mark.parametrize("duration_s", [0.5, 3.0])
def test_spectrogram_figure_of_a_short_sound_shows_its_last_second(tmp_path, rng, duration_s):
    sound = tmp_path / "short.wav"
    soundfile.write(sound, 0.1 * rng.standard_normal(round(16_000 * duration_s)), 16_000)
    assert plot_spectro_dcase2023.main([str(sound), "--output", str(tmp_path)]) == 0
    assert (tmp_path / "spectro_dcase_2023.png").is_file()


def test_long_notes_stay_inside_their_figure():
    drawn = Figure(figsize=(5, 3), layout="constrained")
    drawn.subplots()
    add_notes(drawn, ["classifier=YamNet+" * 12])
    note = drawn.findobj(lambda artist: getattr(artist, "get_text", str)().startswith("classifier"))
    drawn.canvas.draw()
    assert len(note) == 1 and note[0].get_window_extent().x1 <= drawn.bbox.x1
