"""Archives: complete or not at all, and never outside their folder."""

import io
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from sources import unpack as unpack_module
from sources.unpack import (
    UnpackError,
    damaged_files,
    is_unpacked,
    marker_path,
    read_marker,
    unpack,
)

CLIPS = {f"top/audio/{i}.wav": bytes([i]) * (1000 + i) for i in range(20)}


def as_they_are(member: PurePosixPath) -> PurePosixPath:
    return member


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            add_to_tar(archive, name, content)
    return path


def add_to_tar(archive: tarfile.TarFile, name: str, content: bytes = b"", **attributes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for attribute, value in attributes.items():
        setattr(member, attribute, value)
    archive.addfile(member, io.BytesIO(content))


WRITERS = {"zip": (write_zip, "data.zip"), "tar": (write_tar, "data.tar.gz")}


@pytest.fixture(params=WRITERS)
def write(request, tmp_path):
    """A function that packs members into an archive in ``tmp_path/set``."""
    writer, name = WRITERS[request.param]
    (tmp_path / "set").mkdir()
    return lambda members: writer(tmp_path / "set" / name, members)


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def assert_untouched(archive: Path, tmp_path: Path) -> None:
    assert list(files_below(tmp_path)) == [str(archive.relative_to(tmp_path))]
    assert not is_unpacked(archive)


def test_members_marker_and_progress(write, tmp_path):
    archive = write(CLIPS)
    n_bytes = []
    unpack(archive, as_they_are, n_bytes.append)
    files = files_below(tmp_path / "set")
    assert {name: files[name] for name in CLIPS} == CLIPS
    assert set(files) == {*CLIPS, archive.name, f".unpacked/{archive.name}.csv"}
    assert sum(n_bytes) == sum(map(len, CLIPS.values()))
    assert {row.path: row.size for row in read_marker(archive)} == {
        name: len(content) for name, content in CLIPS.items()
    }
    assert is_unpacked(archive)
    assert damaged_files(archive) == []


def test_marker_outlives_the_archive_but_not_its_files(write):
    archive = write(CLIPS)
    unpack(archive, as_they_are)
    archive.unlink()
    assert is_unpacked(archive)
    (archive.parent / "top/audio/3.wav").write_bytes(bytes(1003))
    assert is_unpacked(archive)  # a look at sizes
    assert damaged_files(archive) == ["top/audio/3.wav"]  # a look at contents
    (archive.parent / "top/audio/5.wav").unlink()
    assert not is_unpacked(archive)
    assert damaged_files(archive) == ["top/audio/3.wav", "top/audio/5.wav"]


@pytest.mark.parametrize("moment", ["staging", "moving"])
def test_killed_run_is_not_complete_and_is_repeated(write, monkeypatch, moment):
    archive = write(CLIPS)

    class Killed(BaseException):
        pass

    def killer(*args):
        calls.append(args)
        if len(calls) == 10:
            raise Killed

    calls = []
    with monkeypatch.context() as patch:
        # after a kill -9 nobody clears up
        patch.setattr(unpack_module.shutil, "rmtree", lambda *args, **kwargs: None)
        if moment == "staging":
            run = (archive, as_they_are, killer)
        else:
            real_replace = Path.replace
            patch.setattr(
                Path, "replace", lambda path, to: (killer(path), real_replace(path, to))[1]
            )
            run = (archive, as_they_are)
        with pytest.raises(Killed):
            unpack(*run)
    assert (archive.parent / f".unpacking-{archive.name}").exists()
    assert not is_unpacked(archive)
    unpack(archive, as_they_are)
    assert is_unpacked(archive)
    files = files_below(archive.parent)
    assert set(files) == {*CLIPS, archive.name, f".unpacked/{archive.name}.csv"}


@pytest.mark.parametrize(
    "name",
    [
        "/etc/evil",
        "../evil",
        "top/../../evil",
        "top/..",
        "..\\evil",
        "C:\\evil",
        "C:evil",
        "\\\\host\\share\\evil",
        "//host/evil",
    ],
)
def test_members_that_lead_outside_are_refused(write, tmp_path, name):
    archive = write({"top/good": b"1", name: b"evil", "top/more": b"2"})
    with pytest.raises(UnpackError) as caught:
        unpack(archive, as_they_are)
    assert repr(name) in str(caught.value)
    assert archive.name in str(caught.value)
    assert_untouched(archive, tmp_path)


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.SYMTYPE, "good"),
        (tarfile.LNKTYPE, "top/good"),
        (tarfile.CHRTYPE, ""),
        (tarfile.BLKTYPE, ""),
        (tarfile.FIFOTYPE, ""),
    ],
)
def test_tar_links_and_devices_are_refused(tmp_path, kind, link):
    archive = tmp_path / "data.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        add_to_tar(tar, "top/good", b"1")
        add_to_tar(tar, "top/evil", type=kind, linkname=link)
    with pytest.raises(UnpackError, match="'top/evil' is a link or device"):
        unpack(archive, as_they_are)
    assert_untouched(archive, tmp_path)


def test_tar_that_writes_through_its_own_link_is_refused(tmp_path):
    archive = tmp_path / "set" / "data.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        add_to_tar(tar, "door", type=tarfile.SYMTYPE, linkname="..")
        add_to_tar(tar, "door/evil", b"evil")
    with pytest.raises(UnpackError, match="'door'"):
        unpack(archive, as_they_are)
    assert_untouched(archive, tmp_path)


def test_zip_links_are_refused(tmp_path):
    archive = tmp_path / "data.zip"
    with zipfile.ZipFile(archive, "w") as zip_file:
        link = zipfile.ZipInfo("top/evil")
        link.external_attr = 0o120777 << 16
        zip_file.writestr(link, "/etc/passwd")
    with pytest.raises(UnpackError, match="'top/evil' is a link or device"):
        unpack(archive, as_they_are)
    assert_untouched(archive, tmp_path)


def test_two_members_for_one_place_are_refused(write, tmp_path):
    archive = write({"a/1.wav": b"1", "b/1.wav": b"2"})
    with pytest.raises(UnpackError, match=r"second member wants to be 1\.wav: 'b/1\.wav'"):
        unpack(archive, lambda member: PurePosixPath(member.name))
    assert_untouched(archive, tmp_path)


def test_file_that_is_also_a_folder_is_refused(write, tmp_path):
    archive = write({"a": b"1", "a/b": b"2"})
    with pytest.raises(UnpackError, match="damaged"):
        unpack(archive, as_they_are)
    assert_untouched(archive, tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_cut_archives_are_refused(write, tmp_path, share):
    archive = write(CLIPS)
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UnpackError, match=r"damaged|nothing"):
        unpack(archive, as_they_are)
    assert_untouched(archive, tmp_path)


@pytest.mark.parametrize("place", range(100, 900, 100))
def test_changed_bytes_are_noticed(write, tmp_path, place):
    rng = np.random.default_rng(0)
    archive = write({f"{i}.wav": rng.bytes(1000) for i in range(20)})
    content = bytearray(archive.read_bytes())
    content[len(content) * place // 1000] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(UnpackError, match="damaged"):
        unpack(archive, as_they_are)
    assert_untouched(archive, tmp_path)


def test_archive_without_anything_of_use_is_refused(write):
    with pytest.raises(UnpackError, match="nothing that belongs"):
        unpack(write({".DS_Store": b"x"}), lambda member: None)


def test_disk_full_leaves_nothing_behind(write, tmp_path, monkeypatch):
    archive = write(CLIPS)

    def full(*args):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        unpack(archive, as_they_are, full)
    assert_untouched(archive, tmp_path)


def test_marker_is_beside_the_archive_and_hidden(tmp_path):
    assert marker_path(tmp_path / "x.zip") == tmp_path / ".unpacked" / "x.zip.csv"
    assert read_marker(tmp_path / "x.zip") is None
