"""The page of the Python interface, made from its docstrings."""

import os
import subprocess
import sys

import spectral_transcoder as st
from transcoder.files import PROJECT_ROOT


def test_the_api_page_is_made_without_a_warning(tmp_path):
    page = (PROJECT_ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    (command,) = (line for line in page.splitlines() if line.startswith("python -m pdoc"))
    words = [sys.executable, *command.split()[1:-1], str(tmp_path)]
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    done = subprocess.run(words, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    pages = "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html"))
    for name in st.__all__:
        if callable(getattr(st, name)) and name != "UserError":
            assert f'id="{name}"' in pages
