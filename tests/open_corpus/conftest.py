"""The tiny data set OPEN that tests of mixtures share; each module has its own."""

import pytest
from open_data import shrink, write_open


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch)
        return write_open(tmp_path_factory.mktemp("features"))
