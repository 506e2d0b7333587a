"""The readers that are attacked: for each area whole files, and a program that takes a bad one.

An attack is made of one seed: `Area.attack` writes the damaged file and gives what runs it.
Programs run whole, through ``main``; only networks of archives and figures are replaced by quick
ones, as it is the readers that are looked at.
"""

import io
import json
import random
import shutil
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
from mutations import damaged, damaged_within
from sandbox import WrongResult

Run = Callable[[], int]


@dataclass(frozen=True)
class Area:
    """Readers of one kind of input.

    ``write`` puts whole files into a folder; of these one is damaged and given to ``run``.
    """

    name: str
    write: Callable[[Path], list[Path]]
    run: Callable[[Path, Path], int]  # (the damaged file, a folder for results)
    share: int  # of a hundred inputs
    damage: Callable[[bytes, random.Random], bytes] = damaged_within
    only: str = "*"  # which of the files are damaged

    def attack(self, seed: int, work: Path) -> Run:
        """What runs the attack of ``seed`` in the empty folder ``work``."""
        rng = random.Random(f"{self.name} {seed}")
        whole = _whole(self.name)
        source = rng.choice([path for path in whole if path.match(self.only)])
        target = work / source.name
        for path in whole:  # a file may need another beside it
            shutil.copyfile(path, work / path.name)
        target.write_bytes(self.damage(source.read_bytes(), rng))
        return lambda: self.run(target, work / "out")


@cache
def _whole(name: str) -> list[Path]:
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="whole_"))
    return AREAS[name].write(folder)


# levels of sensors


def _write_layouts(*suffixes: str) -> Callable[[Path], list[Path]]:
    def write(folder: Path) -> list[Path]:
        from archive_data import levels, stamps, table
        from sensor_layouts import LAYOUTS

        names = [name for name in LAYOUTS if name.endswith(suffixes)]
        for name in names:
            LAYOUTS[name][0](folder / name, levels(160), 0.125)
        paths = [folder / name for name in names]
        array = levels(160)
        seconds = np.arange(160) / 8 + 1.7e9
        if ".npy" in suffixes:
            np.save(folder / "a.npy", array)
            np.save(folder / "b.npy", array.astype(">f8").reshape(20, 8, 29))
            paths += [folder / "a.npy", folder / "b.npy"]
        if ".npz" in suffixes:
            np.savez(folder / "a.npz", fast_125ms=array, time=seconds)
            np.savez_compressed(folder / "b.npz", levels=array)
            paths += [folder / "a.npz", folder / "b.npz"]
        if ".parquet" in suffixes:
            table(array).to_parquet(folder / "a.parquet")
            table(array).set_index("timestamp").to_parquet(folder / "b.parquet")
            paths += [folder / "a.parquet", folder / "b.parquet"]
        if ".h5" in suffixes:
            import h5py

            with h5py.File(folder / "c.h5", "w") as file:
                file.create_dataset("fast_125ms", data=array, chunks=(40, 29), compression="gzip")
                file["time"] = [str(stamp) for stamp in stamps(160)]
            paths.append(folder / "c.h5")
        if ".csv.gz" in suffixes:
            table(array).to_csv(folder / "a.csv.gz", index=False)
            paths.append(folder / "a.csv.gz")
        return paths

    return write


class _QuickNetwork:
    """Levels to 521 probabilities that depend on them, in no time."""

    def __call__(self, units):
        mean = units.levels_db.mean(axis=(1, 2))
        mean = mean @ np.random.default_rng(0).normal(0, 0.02, (29, 521))
        return (1 / (1 + np.exp(-mean))).astype(np.float32)


@contextmanager
def _quick():
    about = {"classifier": "quick", "transcoder": "quick"}
    with (
        mock.patch(
            "archives.networks.load_level_classifier",
            lambda *a, **k: (_QuickNetwork(), about),
        ),
        _without_figures(),
    ):
        yield


@contextmanager
def _without_figures():
    """No figures and no page of answers: they take a second, and read nothing."""
    with (
        mock.patch("transcoder.plots.save_figure", lambda figure, path: None),
        mock.patch("archives.summary.draw_presence", lambda *a: []),
        mock.patch("archives.answer_files.write_answers", lambda *a: []),
    ):
        yield


def _classify_archive(path: Path, output: Path) -> int:
    """The damaged file before a good one: the good one must have its result."""
    import classify_third_octave

    good = path.with_name("good.npy")
    np.save(good, np.full((16, 29), -20.0, dtype=np.float32))
    with _quick():
        status = classify_third_octave.main(
            [str(path), str(good), "--output", str(output), "--format", "csv", "--allow_slow",
             "--groups", "tvb"]
        )  # fmt: skip
    if not (output / "good.csv").is_file():
        raise WrongResult(f"exit status {status}, but the good file beside it has no result")
    result = output / f"{_stem(path)}.csv"
    if (status == 0) != result.is_file():
        raise WrongResult(f"exit status {status}, result there: {result.is_file()}")
    if status == 0:
        _check_table(result)
    return status


def _stem(path: Path) -> str:
    from archives.open_archive import suffix_of

    return path.name[: -len(suffix_of(path))]


_NO_CLASSES = ["coverage", "time_s", "segment", "LAeq", "LZeq"]


def _check_table(path: Path) -> None:
    """20 s of levels give no more than that, in probabilities."""
    import pandas as pd

    table = pd.read_csv(path)
    values = table.drop(columns=_NO_CLASSES, errors="ignore").select_dtypes("number").to_numpy()
    if len(table) > 170 or not ((values >= 0) & (values <= 1)).all():
        raise WrongResult(f"{len(table)} rows, from {values.min()} to {values.max()}")
    if not 0 < table["coverage"].sum() <= 26:
        raise WrongResult(f"{table['coverage'].sum()} s of 20")


# a live stream


def _write_streams(folder: Path) -> list[Path]:
    from archive_data import levels, table

    array = levels(80)
    table(array).to_csv(folder / "names.csv", index=False)
    np.savetxt(folder / "bare.csv", array, delimiter=",", fmt="%.2f")
    with (folder / "records.jsonl").open("w") as file:
        for n, row in enumerate(array.tolist()):
            file.write(json.dumps({"time": 1.7e9 + n / 8, "levels": row}) + "\n")
    return [folder / name for name in ("names.csv", "bare.csv", "records.jsonl")]


def _classify_stream(path: Path, output: Path) -> int:
    import classify_third_octave

    lines = io.TextIOWrapper(io.BytesIO(path.read_bytes()), encoding="utf-8")
    said = io.StringIO()
    with _quick(), mock.patch.object(sys, "stdin", lines), mock.patch.object(sys, "stdout", said):
        status = classify_third_octave.main(["-"])
    for line in said.getvalue().splitlines():
        values = json.loads(line)["classes"].values()
        if not all(0 <= value <= 1 for value in values):
            raise WrongResult(line)
    if len(said.getvalue().splitlines()) > 90:
        raise WrongResult(f"{len(said.getvalue().splitlines())} s from 10")
    return status


# sounds


def _write_sounds(folder: Path) -> list[Path]:
    import soundfile

    rng = np.random.default_rng(2)
    wave = (0.1 * rng.standard_normal((17_000, 2))).astype(np.float32)
    paths = []
    for name, subtype in (
        ("a.wav", "PCM_16"), ("b.wav", "FLOAT"), ("c.wav", "PCM_24"), ("d.flac", "PCM_16"),
        ("e.ogg", "VORBIS"), ("f.mp3", "MPEG_LAYER_III"), ("g.aiff", "PCM_16"),
    ):  # fmt: skip
        sound = wave[:, 0] if name in ("c.wav", "d.flac") else wave
        soundfile.write(folder / name, sound, 16_000, subtype=subtype)
        paths.append(folder / name)
    return paths


def _classify_sound(path: Path, output: Path) -> int:
    import classify_audio

    weights, models = _networks()
    with (
        mock.patch("transcoder.plots.save_figure", lambda figure, path: None),
        mock.patch("archives.side_by_side.agreement_figure", lambda *a: None),
    ):
        status = classify_audio.main(
            [str(path), "--classifier_weights", str(weights), "--models", str(models),
             "--output", str(output), "--draws", "1"]
        )  # fmt: skip
    if status == 0:
        for result in output.glob("*.csv"):
            import pandas as pd

            table = pd.read_csv(result)
            values = table.drop(columns=_NO_CLASSES, errors="ignore").select_dtypes("number")
            values = values.to_numpy()
            if not ((values >= 0) & (values <= 1)).all():
                raise WrongResult(f"{result.name}: not all are probabilities")
    return status


# weights and settings


@cache
def _networks() -> tuple[Path, Path]:
    """Weights of a narrow YAMNet, and a folder with a small CNN."""
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="networks_"))
    _write_networks(folder)
    return folder / "yamnet.pth", folder


def _write_networks(folder: Path) -> list[Path]:
    import torch
    from archive_data import small_cnn

    from transcoder.checkpoints import save_checkpoint, settings_path
    from transcoder.models import ModelSettings
    from yamnet.network import YamNet

    torch.manual_seed(0)
    torch.save(YamNet(521, width=0.0625).state_dict(), folder / "yamnet.pth")
    settings = ModelSettings("cnn_pinv", "YamNet", 3, 3, 4, 1)
    name = "classifier=YamNet+prop_logit=100+step=train+transcoder=cnn_pinv+ts=1_model"
    save_checkpoint(folder / name, small_cnn("YamNet"), settings=settings)
    return [folder / "yamnet.pth", folder / name, settings_path(folder / name)]


def _classify_by(path: Path, output: Path) -> int:
    """Levels through the networks, one of which is damaged."""
    import classify_third_octave

    levels = path.with_name("levels.npy")
    rng = np.random.default_rng(1)
    np.save(levels, rng.normal(-20, 5, (16, 29)).astype(np.float32))
    with _without_figures():
        status = classify_third_octave.main(
            [str(levels), "--method", "cnn_logits", "--models", str(path.parent),
             "--classifier_weights", str(path.with_name("yamnet.pth")), "--output", str(output),
             "--format", "csv"]
        )  # fmt: skip
    if status == 0:
        _check_table(output / "levels.csv")
    return status


# tables of groups


def _write_groups(folder: Path) -> list[Path]:
    from archives.networks import GROUP_TABLES

    shutil.copyfile(GROUP_TABLES["urbansound8k"], folder / "groups.xlsx")
    lines = ["target_class_name,audioset_id,audioset_name", "speech,,Speech", "dog,,Dog"]
    (folder / "groups.csv").write_text("\n".join(lines) + "\n")
    return [folder / "groups.xlsx", folder / "groups.csv"]


def _choose_groups(path: Path, output: Path) -> int:
    import classify_third_octave

    levels = path.with_name("levels.npy")
    np.save(levels, np.full((16, 29), -20.0, dtype=np.float32))
    with _quick():
        return classify_third_octave.main(
            [str(levels), "--groups", str(path), "--output", str(output), "--format", "csv"]
        )


# archives of downloads


def _write_packed(folder: Path) -> list[Path]:
    import tarfile
    import zipfile

    files = {f"set/audio/{n}.wav": bytes(range(256)) * n for n in range(1, 5)}
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    with tarfile.open(folder / "a.tar.gz", "w:gz") as packed:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return [folder / "a.zip", folder / "a.tar.gz"]


def _unpack(path: Path, output: Path) -> int:
    from sources.unpack import is_unpacked, unpack
    from transcoder.cli import reports_errors

    around = path.parent.parent
    before = sorted(around.glob("*"))

    @reports_errors
    def main(argv=None) -> int:
        unpack(path, lambda member: member)
        if not is_unpacked(path):
            raise WrongResult("unpacked, but not there")
        return 0

    status = main()
    if sorted(around.glob("*")) != before:
        raise WrongResult("something was written beside the folder")
    left = [p for p in path.parent.iterdir() if p.name not in ("a.zip", "a.tar.gz")]
    if status and left:
        raise WrongResult(f"refused, but {left[0].name} is there")
    return status


# servers


def _write_answers(folder: Path) -> list[Path]:
    from single_download import CONTENT

    body = CONTENT[:3000]
    answers = {
        "plain": b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\nConnection: close\r\n\r\n" + body,
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        + b"bb8\r\n" + body + b"\r\n0\r\n\r\n",
        "later": b"HTTP/1.1 503 No\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n",
        "moved": b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
        "part": b"HTTP/1.1 206 Part\r\nContent-Range: bytes 1000-2999/3000\r\n"
        b"Content-Length: 2000\r\nConnection: close\r\n\r\n" + body[1000:],
        "behind": b"HTTP/1.1 416 No\r\nContent-Range: bytes */3000\r\nContent-Length: 0\r\n\r\n",
    }  # fmt: skip
    for name, answer in answers.items():
        (folder / f"{name}.http").write_bytes(answer)
    return [folder / f"{name}.http" for name in answers]


def _download(path: Path, output: Path) -> int:
    import hashlib
    import threading

    from single_download import CONTENT

    from sources.checksums import Checksum
    from sources.downloader import Downloader
    from sources.table import RemoteFile, Source
    from transcoder.cli import reports_errors

    content, answer = CONTENT[:3000], path.read_bytes()
    server = _listening()

    def serve() -> None:
        while True:
            connection, _ = server.accept()
            with connection:
                try:
                    connection.recv(65536)
                    connection.sendall(answer)
                except OSError:
                    pass

    threading.Thread(target=serve, daemon=True).start()
    urls = (f"http://127.0.0.1:{server.getsockname()[1]}/{{name}}",)
    source = Source("test", "folder", urls, "https://publisher.org/page", "", "")
    size = 3000 if len(answer) % 2 else None
    checksum = Checksum("md5", hashlib.md5(content).hexdigest())
    file = RemoteFile(source, "w.bin", size, 3000, checksum)
    target = path.parent / "w.bin"
    if len(answer) % 3 == 0:
        target.with_name("w.bin.part").write_bytes(content[:1000])

    @reports_errors
    def main(argv=None) -> int:
        downloader = Downloader(timeout_s=(2, 0.5), pauses_s=(0, 0), wait=lambda seconds: None)
        downloader.fetch(file, target)
        return 0

    status = main()
    if target.exists() != (status == 0) or (status == 0 and target.read_bytes() != content):
        raise WrongResult("the target is not the published file")
    return status


def _listening():
    import socket

    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(8)
    return server


# files that steps of the experiments leave for each other


def _write_stored(folder: Path) -> list[Path]:
    import h5py

    rng = np.random.default_rng(0)
    n = 6
    with h5py.File(folder / "full_train.h5", "w") as file:
        file.attrs["input_type"] = "third_octave"
        file.attrs["scenes"] = ["park"]
        file["third_octave"] = rng.normal(size=(n, 8, 29)).astype("f4")
        file["mels_yamnet"] = rng.normal(size=(n, 96, 64)).astype("f4")
        file["scene"] = np.zeros(n, dtype="i4")
        file["file_index"] = np.zeros(n, dtype="i4")
        file["file_names"] = ["a.wav"]
    text = h5py.string_dtype("utf-8")
    with h5py.File(folder / "URBAN-SOUND-8K.h5", "w") as file:
        file.attrs["sampling"] = "right"
        file.create_dataset("files", data=["a.wav", "b.wav"], dtype=text)
        file.create_dataset("problem", data=["", ""], dtype=text)
        file["done"] = [True, True]
        file["YamNet/self"] = rng.random((2, 521)).astype("f4")
    log = {"started": "2026-01-01T00:00:00", "mode": "demo", "provenance": {"a": "b"}, "steps": []}
    (folder / "run_log.json").write_text(json.dumps(log))
    names = ("full_train.h5", "URBAN-SOUND-8K.h5", "run_log.json")
    return [folder / name for name in names]


def _read_stored(path: Path, output: Path) -> int:
    from transcoder.cli import reports_errors

    @reports_errors
    def main(argv=None) -> int:
        if path.name == "run_log.json":
            from reproduction.artefacts import read_run_log

            read_run_log(path)
        elif path.name == "full_train.h5":
            from features.reading import Features

            found = Features(path, "YamNet").hold()
            if not (found.levels.isfinite().all() and found.mels.isfinite().all()):
                raise WrongResult("features are not finite")
        else:
            from exp_classif_eval.probability_store import read_probabilities

            stored = read_probabilities(path, "YamNet", "self")
            if not np.isfinite(stored.values).all():
                raise WrongResult("probabilities are not finite")
        return 0

    return main()


AREAS = {
    area.name: area
    for area in (
        Area("arrays (.npy, .npz)", _write_layouts(".npy", ".npz"), _classify_archive, 12),
        Area("HDF5 archives", _write_layouts(".h5"), _classify_archive, 12),
        Area("text tables (.csv, .csv.gz, .txt)", _write_layouts(".csv", ".txt", ".tsv", ".csv.gz"),
             _classify_archive, 14),
        Area("JSON records", _write_layouts(".json", ".jsonl", ".geojson"), _classify_archive, 6),
        Area("Parquet", _write_layouts(".parquet"), _classify_archive, 6),
        Area("workbooks (.xlsx)", _write_layouts(".xlsx"), _classify_archive, 6),
        Area("live streams", _write_streams, _classify_stream, 8, damaged),
        Area("sounds (.wav, .flac, .ogg, .mp3, .aiff)", _write_sounds, _classify_sound, 10),
        Area("weights", _write_networks, _classify_by, 6, only="*[!l]"),
        Area("settings (.yaml)", _write_networks, _classify_by, 5, damaged, "*.yaml"),
        Area("tables of groups (.xlsx, .csv)", _write_groups, _choose_groups, 3),
        Area("downloaded archives (.zip, .tar.gz)", _write_packed, _unpack, 5),
        Area("servers' answers", _write_answers, _download, 4, damaged),
        Area("files between steps (.h5, .json)", _write_stored, _read_stored, 3),
    )
}  # fmt: skip
