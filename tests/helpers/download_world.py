"""A small table of files, a server that has them, a folder to put them in."""

import csv
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import soundfile
from misbehaving_server import MisbehavingServer

import download_datasets
from sources.table import DATASETS, MODELS
from transcoder.files import PROJECT_ROOT

ROOT = PROJECT_ROOT
TAU = "TAU-urban-acoustic-scenes-2020-mobile-development"


def wav(duration_s: float = 0.1) -> bytes:
    file = io.BytesIO()
    samples = 0.1 * np.random.default_rng(0).standard_normal(round(8000 * duration_s))
    soundfile.write(file, samples, 8000, format="WAV")
    return file.getvalue()


def packed_zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def packed_tar(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def small_publications() -> dict[tuple[str, str], bytes]:
    """(source, name) -> content, in the forms of the real ones."""
    clips = [f"audio/park-lyon-{i}-0-a.wav" for i in range(6)]
    meta = "filename\tscene_label\n" + "".join(f"{clip}\tpark\n" for clip in clips)
    fold = "filename\tscene_label\n" + f"{clips[0]}\tpark\n"
    tau = {
        "doc": {"README.md": b"about"},
        "meta": {"meta.csv": meta.encode(), "evaluation_setup/fold1_train.csv": fold.encode()},
        "audio.1": {clip: wav() for clip in clips[:3]},
        "audio.2": {clip: wav() for clip in clips[3:]},
    }
    urban = {
        f"UrbanSound8K/audio/fold{i}/{i}-0-0-0.wav": wav(duration_s=i / 4) for i in range(1, 5)
    }
    urban["UrbanSound8K/audio/fold1/._1-0-0-0.wav"] = b"finder"
    urban["UrbanSound8K/metadata/UrbanSound8K.csv"] = (
        "slice_file_name,start,end,fold\n"
        + "".join(f"{i}-0-0-0.wav,0,9,{i}\n" for i in range(1, 5))
    ).encode()
    annotations = "split,audio_filename\n" + "".join(f"train,{i:02}.wav\n" for i in range(4))
    return {
        **{
            ("TAU", f"{TAU}.{part}.zip"): packed_zip(
                {f"{TAU}/{name}": content for name, content in members.items()}
            )
            for part, members in tau.items()
        },
        ("URBAN-SOUND-8K", "UrbanSound8K.tar.gz"): packed_tar(urban),
        ("SONYC-UST", "annotations.csv"): annotations.encode(),
        ("SONYC-UST", "audio-0.tar.gz"): packed_tar(
            {f"audio-0/{i:02}.wav": wav() for i in range(2)}
        ),
        ("SONYC-UST", "audio-1.tar.gz"): packed_tar(
            {f"audio-1/{i:02}.wav": wav() for i in range(2, 4)}
        ),
        ("PANN", "ResNet38_mAP=0.434.pth"): b"resnet" * 5000,
        ("YAMNet", "yamnet.pth"): b"yamnet" * 5000,
        ("EfficientNet", "efficientnet_b0_rwightman-7f5810bc.pth"): b"b0" * 5000,
        ("published transcoders", "classifier=PANN+ts=1_model"): b"cnn" * 5000,
    }


class World:
    """The small table, the server that has its files, and a folder to put them in."""

    def __init__(self, server: MisbehavingServer, folder: Path) -> None:
        self.server, self.output = server, folder / "data set folder"
        self.table_path = folder / "files.csv"
        self.folders = {source.name: source.folder for source in (*DATASETS, *MODELS)}
        self.names = []
        with self.table_path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["source", "name", "bytes", "about_bytes", "checksum"])
            for (source, name), content in small_publications().items():
                known = source not in ("YAMNet", "EfficientNet")
                sizes = [len(content), ""] if known else ["", len(content) + 7]
                writer.writerow([source, name, *sizes, "md5:" + hashlib.md5(content).hexdigest()])
                server.contents[self.path(source, name)] = content
                self.names.append(name)

    def path(self, source: str, name: str) -> str:
        """Of a file on the server."""
        return f"/{self.folders[source]}/{name}"

    def run(self, script, *options: str) -> int:
        return script.main([*options, "-o", str(self.output), "--base-url", self.server.url])

    def datasets(self, *options: str) -> int:
        return self.run(download_datasets, *options)

    def files(self) -> set[str]:
        return {
            str(path.relative_to(self.output)) for path in self.output.rglob("*") if path.is_file()
        }


CLIPS_AND_TABLES = {
    *(f"{TAU}/audio/park-lyon-{i}-0-a.wav" for i in range(6)),
    f"{TAU}/meta.csv",
    f"{TAU}/evaluation_setup/fold1_train.csv",
    f"{TAU}/README.md",
    *(f"URBAN-SOUND-8K/audio/{i}-0-0-0.wav" for i in range(1, 5)),
    "URBAN-SOUND-8K/metadata/UrbanSound8K.csv",
    "URBAN-SOUND-8K/metadata/UrbanSound8K_recalculated.csv",
    *(f"SONYC-UST/audio/{i:02}.wav" for i in range(4)),
    "SONYC-UST/annotations.csv",
}


def visible(files: set[str]) -> set[str]:
    return {name for name in files if "/.unpacked/" not in name}
