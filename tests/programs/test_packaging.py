"""The wheel: what it holds, and that it works away from the project folder."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

from transcoder import __version__
from transcoder.files import PROJECT_ROOT
from transcoder.programs import PROGRAMS

DATA_FILES = {
    "archives/page/templates/charts.html.j2",
    "archives/page/templates/network.css",
    "archives/page/templates/network.html.j2",
    "archives/templates/network.slurm",
    "audio/sensor_day.parquet",
    "audio/street_scene.wav",
    "exp_classif_eval/published_scores.csv",
    "exporting/templates/card.md.j2",
    "exp_train_model/launch_experiment/templates/generic.slurm",
    "exp_train_model/launch_experiment/templates/jean_zay.slurm",
    "open_corpus/content.csv",
    "open_corpus/open_corpus.csv",
    "exp_train_model/published_results.csv",
    "pann/class_list.csv",
    "reproduction/templates/parts.html.j2",
    "reproduction/templates/report.css",
    "reproduction/templates/report.html.j2",
    "sources/files.csv",
    "transcoder/class_groups.csv",
    "transcoder/pinv_matrices.npz",
    "transcoder/templates/base.css",
    "transcoder/templates/shared.html.j2",
    "transcoder/sub_classes_sonyc_ust.xlsx",
    "transcoder/sub_classes_urbansound8k.xlsx",
    "yamnet/class_list.csv",
    "yamnet/yamnet_small.pth",
    "yamnet/yamnet_small.yaml",
}
PUBLISHED = (
    "reference_models/classifier=YamNet+dataset=full+dilation=1+epoch=200+kernel_size=5"
    "+learning_rate=-3+nb_channels=64+nb_layers=5+prop_logit=100+step=train+transcoder=cnn_pinv"
    "+ts=1_model"
)
LEFT_BY_A_USER = (
    PUBLISHED,
    f"{PUBLISHED}_settings.yaml",
    "pann/ResNet38_mAP=0.434.pth",
    "yamnet/yamnet.pth",
    "exp_train_model/train_exp/metrics/scores.csv",
    "spectral_transcoder_data/class_table.csv",
)
NOT_IN_THE_WHEEL = ("tests", "benchmarks", "examples")

USE_IT = """
import importlib, sys
from pathlib import Path

site, *names = sys.argv[1:]
for name in names:
    assert Path(importlib.import_module(name).__file__).is_relative_to(site), name

from transcoder.class_groups import GROUP_TABLES
from exp_classif_eval.class_groups import read_class_groups
from exp_classif_eval.experiment import classification_experiment
from exp_train_model.experiment import training_experiment
from exp_train_model.launch_experiment.slurms_create import find_template
from exp_train_model.published_table import published_results
from sources.table import DATASETS, MODELS, files_of
from transcoder.audioset import audioset_classes
from transcoder.classifiers import load_classifier
from transcoder.files import REFERENCE_MODELS, WORK_ROOT
from transcoder.pinv import Pinv

assert WORK_ROOT == Path.cwd() and REFERENCE_MODELS == Path(site, "reference_models")
for classifier, n_classes in (("PANN", 527), ("YamNet", 521)):
    assert len(audioset_classes(classifier)) == n_classes
    Pinv(classifier)
    assert published_results(classifier)
load_classifier("YamNet")
read_class_groups("SONYC-UST")
read_class_groups("URBAN-SOUND-8K")
assert training_experiment().plans and classification_experiment().plans
find_template("jean_zay")
assert all(table.is_file() for table in GROUP_TABLES.values())
assert files_of(DATASETS + MODELS)
"""


def project_files() -> list[str]:
    """Files that git holds or would take, with ``/`` between folders."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        pytest.skip("needs the project as a git clone")
    return [name for name in done.stdout.split("\0") if (PROJECT_ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy of the project with files that users leave in their clones."""
    pytest.importorskip("setuptools", minversion="77")
    source = tmp_path_factory.mktemp("source")
    for name in project_files():
        if not name.startswith("results/"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT_ROOT / name, source / name)
    for name in LEFT_BY_A_USER:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("not ours")
    output = tmp_path_factory.mktemp("wheel")
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", build, output], cwd=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (file,) = output.glob("*.whl")
    return file


def models() -> set[str]:
    """What comes with the project in reference_models/, without figures and tables of scores."""
    held = [name for name in project_files() if name.startswith("reference_models/")]
    return {n for n in held if "_model" in Path(n).name or "/presence/" in n or n.endswith(".md")}


def test_wheel_holds_the_modules_and_their_data_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    modules = {
        name
        for name in project_files()
        if name.endswith(".py") and not name.startswith(NOT_IN_THE_WHEEL)
    }
    tables = {name for name in held if name.startswith("reference_models/") and ".csv" in name}
    assert held - tables == (modules | DATA_FILES | models()) - tables
    assert wheel.stat().st_size < 15e6


def test_installed_package_works_in_any_folder(wheel, tmp_path):
    site, folder = tmp_path / "site", tmp_path / "elsewhere"
    folder.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    names = [path.relative_to(site).with_suffix("").parts for path in sorted(site.rglob("*.py"))]
    modules = [".".join(parts).removesuffix(".__init__") for parts in names]
    environment = os.environ | {"PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", USE_IT, site, *modules],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not list(folder.iterdir())


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs the command of the wheel, installed in an environment without the project.

    Its other packages are those of the environment at hand, so that nothing has to be fetched.
    """
    root = tmp_path_factory.mktemp("installed")
    folder, cache = root / "empty", root / "cache"
    folder.mkdir()
    venv.create(root / "venv", with_pip=False)
    python = root / "venv" / "bin" / "python"
    site = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()
    )  # fmt: skip
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    others = [Path(path) for path in sys.path if path.endswith("site-packages")]
    (site / "others.pth").write_text("".join(f"{path}\n" for path in others))
    kept = {k: v for k, v in os.environ.items() if not k.endswith(("_WEIGHTS", "PYTHONPATH"))}
    environment = kept | {"XDG_CACHE_HOME": str(cache), "OMP_NUM_THREADS": "1"}
    before = {path for path in site.rglob("*") if "__pycache__" not in path.parts}

    def run(*words, status=0):
        done = subprocess.run(
            [python, "-m", "spectral_transcoder", *map(str, words)],
            cwd=folder, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == status, done.stderr[-3000:]
        after = {path for path in site.rglob("*") if "__pycache__" not in path.parts}
        assert after == before  # nothing is ever written beside the code
        return done.stdout + done.stderr

    return run, folder, cache


def test_command_lists_and_runs_the_programs(installed):
    run, _, _ = installed
    said = run("--help")
    assert all(f"  {name} " in said for name in PROGRAMS)
    assert run("--version").split() == ["spectral-transcoder", __version__]
    assert "no program 'clasify'" in run("clasify", status=2)
    for name in ("generate", "train", "download-models"):
        assert f"usage: spectral-transcoder {name}" in run(name, "--help")


def test_installed_programs_classify_and_generate(installed):
    run, folder, _ = installed
    np.save(folder / "levels.npy", np.random.default_rng(0).normal(-20, 6, (80, 29)))
    run("classify", "levels.npy")
    assert (folder / "sound_classes" / "levels.h5").is_file()
    run("--data", "here", "generate", "street_scene.wav", "--duration", "2", "--iterations", "1")
    made = folder / "here" / "audio_generated" / "street_scene"
    assert (made / "street_scene_generated_from_textured.wav").is_file()


def test_installed_hints_name_what_can_be_typed(installed):
    run, folder, cache = installed
    np.save(folder / "levels.npy", np.full((80, 29), -20.0))
    said = run("classify", "levels.npy", "--classifier", "PANN", "--method", "pinv", status=1)
    assert "fetch it with: spectral-transcoder download-models --only ResNet38" in said
    assert str(cache / "spectral-transcoder" / "pann") in said
    said = run("train", "-s", "reference/dataset=TEST", "-c", status=1)
    assert "make it with: spectral-transcoder features --dataset_type test" in said
    assert "python " not in said.replace("python3", "")


@pytest.mark.slow
def test_installed_demo_ends_with_a_report(installed):
    run, folder, _ = installed
    run("reproduce", "--demo", "--quick")
    report = (folder / "export" / "demo_quick" / "report.html").read_text()
    assert "a trial of the programs" in report
    assert "spectral-transcoder train" in report
