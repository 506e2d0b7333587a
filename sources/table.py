"""The table of everything that can be fetched: URL, size, checksum, licence, what it is for.

The publishers' facts of each source stand here; names, sizes and checksums of the files stand in
``files.csv`` beside this module. There ``bytes`` is the exact size and is empty where no publisher
states one; ``about_bytes`` then gives an estimate for the free-space check.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sources.checksums import Checksum
from transcoder.names import TAU_FOLDER

TABLE_PATH = Path(__file__).with_name("files.csv")

PROJECT_URL = "https://github.com/spectral-transcoder/spectral-transcoder"

_PUBLISHED = (
    "https://raw.githubusercontent.com/modantailleur/paperSpectralTranscoder/"
    "9599ac8987cd429783953104c179d5d99c9dc784"
)


@dataclass(frozen=True)
class Source:
    """A publication: some files from one place, under one licence, for one purpose."""

    name: str
    folder: str  # where its files go, relative to the output folder (or to torch.hub's)
    urls: tuple[str, ...]  # with {name} for the file; tried in this order
    page: str  # for people: where the publisher shows the files and their checksums
    licence: str
    purpose: str
    in_torch_hub: bool = False  # stored where torch.hub, and so torchvision, looks for it
    unpacked_ratio: float = 1.0  # bytes unpacked for each byte of an archive, for the space check

    def root(self, output: Path) -> Path:
        """The folder that `folder` is relative to."""
        if not self.in_torch_hub:
            return output
        import torch.hub

        return Path(torch.hub.get_dir())


@dataclass(frozen=True)
class RemoteFile:
    """One file of a source."""

    source: Source
    name: str
    size: int | None  # bytes; None: no publisher states it
    about_size: int  # bytes; the exact size or an estimate
    checksum: Checksum

    @property
    def place(self) -> str:
        """Where the file goes, relative to the source's root; also its path on a mirror."""
        return f"{self.source.folder}/{self.name}"

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(url.format(name=quote(self.name)) for url in self.source.urls)

    @property
    def most_bytes(self) -> int:
        """What a server may send: the published size, or twice the estimate."""
        return self.size if self.size is not None else 2 * self.about_size + 1_000_000

    @property
    def is_archive(self) -> bool:
        return self.name.endswith((".zip", ".tar.gz"))

    def folder(self, output: Path) -> Path:
        return self.source.root(output) / self.source.folder

    def path(self, output: Path) -> Path:
        return self.folder(output) / self.name


def _zenodo(record: int, **facts) -> Source:
    """A record of Zenodo, which shows checksums and gives files at addresses alike."""
    page = f"https://zenodo.org/records/{record}"
    return Source(page=page, urls=(page + "/files/{name}?download=1",), **facts)


DATASETS = (
    _zenodo(
        3819968,
        name="TAU",
        folder=TAU_FOLDER,
        licence="Tampere University, non-commercial academic use only",
        purpose="TAU Urban Acoustic Scenes 2020 Mobile, development: trains the transcoders",
        unpacked_ratio=1.12,  # 23,040 clips of 10 s, 44.1 kHz, 24 bit
    ),
    _zenodo(
        1203745,
        name="URBAN-SOUND-8K",
        folder="URBAN-SOUND-8K",
        licence="CC BY-NC 3.0 by the data set's text (others quote BY-NC 4.0)",
        purpose="UrbanSound8K: classification experiment, 10 classes, 10 folds",
        unpacked_ratio=1.2,
    ),
    _zenodo(
        3966543,  # v2.3; v2.2 and the DCASE 2020 files differ in layout
        name="SONYC-UST",
        folder="SONYC-UST",
        licence="CC BY 4.0",
        purpose="SONYC Urban Sound Tagging v2.3: classification experiment, 8 coarse labels",
        unpacked_ratio=1.4,  # 18,510 clips of 10 s, 48 kHz, 16 bit
    ),
)

MODELS = (
    _zenodo(
        3987831,
        name="PANN",
        folder="pann",
        licence="CC BY 4.0 (code MIT)",
        purpose="weights of the classifier PANN ResNet38",
    ),
    Source(
        name="YAMNet",
        folder="yamnet",
        urls=(
            "https://github.com/w-hc/torch_audioset/releases/download/v0.1/{name}",
            _PUBLISHED + "/yamnet/{name}",
        ),
        page="https://github.com/w-hc/torch_audioset/releases/tag/v0.1",
        licence="Apache-2.0 (YAMNet), MIT (conversion)",
        purpose="weights of the classifier YAMNet",
    ),
    Source(
        name="EfficientNet",
        folder="checkpoints",
        urls=("https://download.pytorch.org/models/{name}",),
        page="https://pytorch.org/vision/stable/models/efficientnet.html",
        licence="BSD-3-Clause (torchvision), Apache-2.0 (original weights)",
        purpose="torchvision's IMAGENET1K_V1 weights: start of the effnet_b0 and effnet_b7 models",
        in_torch_hub=True,
    ),
    Source(
        name="published transcoders",
        folder="reference_models",
        urls=(_PUBLISHED + "/reference_models/{name}",),
        page="https://github.com/modantailleur/paperSpectralTranscoder",
        licence="none stated: use, do not redistribute",
        purpose="the paper's trained transcoders: CNN-logits and CNN-mels (PANN), "
        "CNN-logits (YAMNet)",
    ),
)


def files_of(sources: tuple[Source, ...]) -> list[RemoteFile]:
    """The files of ``sources``, in the order of the table."""
    by_name = {source.name: source for source in sources}
    with TABLE_PATH.open(newline="", encoding="utf-8") as table:
        return [
            RemoteFile(
                source=by_name[row["source"]],
                name=row["name"],
                size=int(row["bytes"]) if row["bytes"] else None,
                about_size=int(row["bytes"] or row["about_bytes"]),
                checksum=Checksum.parse(row["checksum"]),
            )
            for row in csv.DictReader(table)
            if row["source"] in by_name
        ]
