"""What the tests of one download share: the file, and a downloader that does not pause."""

import hashlib
import random
from pathlib import Path

from sources.checksums import Checksum
from sources.downloader import Downloader
from sources.table import RemoteFile, Source

CONTENT = random.Random(0).randbytes(300_000)
PATH = "/weights.bin"


class Fetcher:
    """A downloader that notes its pauses instead of making them."""

    def __init__(self, server, target):
        self.pauses_s = []
        self.target = target
        self.urls = (server.url + "/{name}",)
        self.downloader = Downloader(timeout_s=(2, 0.2), wait=self.pauses_s.append)

    def __call__(self, content=CONTENT, size=-1, checksum=None):
        source = Source("test", "folder", self.urls, "https://publisher.org/page", "", "")
        size = len(content) if size == -1 else size
        checksum = checksum or Checksum("md5", hashlib.md5(content).hexdigest())
        file = RemoteFile(source, "weights.bin", size, len(content), checksum)
        self.downloader.fetch(file, self.target)


def assert_right(target: Path) -> None:
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == [target.name]
