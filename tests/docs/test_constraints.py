"""constraints.txt: an exact version of each package that pyproject.toml asks for, within bounds."""

import re

import pytest

from transcoder.files import PROJECT_ROOT

tomllib = pytest.importorskip("tomllib", reason="Python 3.11 has it")
requirements = pytest.importorskip("packaging.requirements")


def test_bounds_admit_the_constraints():
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = list(project["project"]["dependencies"])
    for extra in project["project"]["optional-dependencies"].values():
        asked += extra
    lines = (PROJECT_ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    exact = dict(line.split("==") for line in lines if not line.startswith("#"))
    exact = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in exact.items()}
    for text in asked:
        wanted = requirements.Requirement(text)
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        assert name in exact, f"constraints.txt lacks {name}"
        assert wanted.specifier.contains(exact[name]), f"{text} does not admit {exact[name]}"
