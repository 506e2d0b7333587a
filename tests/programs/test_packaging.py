"""The wheel: what it holds, and that it works away from the project folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from transcoder.files import PROJECT_ROOT

DATA_FILES = {
    "archives/page/templates/charts.html.j2",
    "archives/page/templates/network.css",
    "archives/page/templates/network.html.j2",
    "archives/templates/network.slurm",
    "exp_classif_eval/published_scores.csv",
    "exp_train_model/launch_experiment/templates/generic.slurm",
    "exp_train_model/launch_experiment/templates/jean_zay.slurm",
    "open_corpus/content.csv",
    "open_corpus/open_corpus.csv",
    "exp_train_model/tables/published_results.csv",
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
    "yamnet/yamnet_small_sources.csv",
}
LEFT_BY_A_USER = (
    "pann/ResNet38_mAP=0.434.pth",
    "yamnet/yamnet.pth",
    "exp_train_model/train_exp/metrics/scores.csv",
    "spectral_transcoder_data/class_table.csv",
)
NOT_IN_THE_WHEEL = ("tests", "benchmarks", "audio", "reproduce.py")

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
from exp_train_model.tables.published_table import published_results
from sources.table import DATASETS, MODELS, files_of
from transcoder.audioset import audioset_classes
from transcoder.classifiers import load_classifier
from transcoder.files import PROJECT_ROOT
from transcoder.pinv import Pinv

assert PROJECT_ROOT == Path.cwd(), PROJECT_ROOT
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


def test_wheel_holds_the_modules_and_their_data_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    modules = {
        name
        for name in project_files()
        if name.endswith(".py") and not name.startswith(NOT_IN_THE_WHEEL)
    }
    assert held == modules | DATA_FILES


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
    done = subprocess.run(
        [sys.executable, "-m", "generate_audio", "--help"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
    assert not list(folder.iterdir())
