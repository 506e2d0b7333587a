"""The tutorial notebook runs from its first cell to its last, and is kept without outputs."""

import nbformat
import pytest
from nbclient import NotebookClient

from transcoder.files import PROJECT_ROOT

NOTEBOOK = PROJECT_ROOT / "docs" / "tutorial.ipynb"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Of all cells, run in an empty folder."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    where = {"metadata": {"path": str(tmp_path_factory.mktemp("tutorial"))}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(PROJECT_ROOT))
        patch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        patch.delenv("YAMNET_WEIGHTS", raising=False)
        NotebookClient(notebook, timeout=300, resources=where).execute()
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_every_picture_sound_and_table_is_made(outputs):
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    assert kinds.count("image/png") == 5
    sound, table = (o["data"]["text/html"] for o in outputs if "text/html" in o.get("data", {}))
    assert "<audio" in table + sound and "true Mels" in table + sound


def test_the_day_has_what_the_day_was_made_of(outputs):
    said = "".join(output.get("text", "") for output in outputs)
    assert "23 gaps" in said and "120 min of levels" in said
