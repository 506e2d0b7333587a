"""The open corpus: fetched from a stand-in for apt, unpacked, decoded, mixed."""

import collections
import csv
import io
import logging
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
import soundfile
from download_world import packed_zip
from open_data import shrink

from demo_scenes.scenes import SOURCES
from features.files import OPEN, SPLITS, split_path
from features.reading import Features
from features.splits import SplitConfig, split_table
from open_corpus import build_open_corpus, create_open_dataset, selection
from open_corpus.files import OpenFiles
from open_corpus.packages import FetchError, fetch, unpack_sounds
from open_corpus.selection import decode_package
from open_corpus.sound_bank import SYNTHESISED, SoundBank
from open_corpus.table import DEFAULT_TABLE, Wanted, read_table
from transcoder.errors import UserError
from transcoder.names import TAU_FOLDER

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")

FOREST = Wanted("forest", "1:2.0-1", "CC0", "environment", 16_000, "sounds/", "/ui/")
GAME = Wanted("game", "1.0", "GPL-2+", "environment", 16_000, "audio/", "music")
GAME_MUSIC = Wanted("game", "1.0", "GPL-2+", "music", 16_000, "music", "")
TALK = Wanted("talk", "3", "CC-BY-4.0", "speech", 5500, ".", "")

APT_GET = """#!/bin/sh
# stand-in: apt-get download NAME[=VERSION]
echo "$2" >> {log}
name=${{2%%=*}}
version=$(printf %s "${{2#"$name"}}" | sed 's/^=//; s/:/%3a/')
for deb in {pool}/"$name"_${{version:-*}}_all.deb; do
    if [ -e "$deb" ]; then cp "$deb" .; exit 0; fi
done
echo "E: Unable to locate $2" >&2
exit 100
"""


def wav(rng, seconds=1.0, rate=32_000, level=0.5) -> bytes:
    data = io.BytesIO()
    wave = level * rng.uniform(-1, 1, (round(seconds * rate), 2))
    soundfile.write(data, wave, rate, format="WAV")
    return data.getvalue()


def make_deb(folder, name, version, files: dict[str, bytes]):
    root = folder / f"tree-{name}-{version.replace(':', '.')}"
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@x>\n"
        "Description: test\n"
    )
    deb = folder / f"{name}_{version.replace(':', '%3a')}_all.deb"
    subprocess.run(["dpkg-deb", "-Znone", "-b", root, deb], check=True, capture_output=True)
    return deb


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """Three packages as a Debian mirror has them."""
    folder, rng = tmp_path_factory.mktemp("pool"), np.random.default_rng(0)
    bird = wav(rng)
    forest = {
        f"usr/sounds/{name}.wav": wav(rng, s)
        for name, s in zip("abcdefgh", range(1, 9), strict=True)
    }
    forest |= {
        "usr/sounds/bird1.wav": bird,
        "usr/sounds/bird2.wav": wav(rng),
        "usr/sounds/copy/of_bird.wav": bird,
        "usr/sounds/silence.wav": wav(rng, level=0),
        "usr/sounds/nearly_silence.wav": wav(rng, level=1e-4),
        "usr/sounds/click.wav": wav(rng, 0.05),
        "usr/sounds/broken.wav": b"RIFF no sound",
        "usr/sounds/wind.wav": wav(rng, 12, 16_000),
        "usr/sounds/ui/beep.wav": wav(rng),
        "usr/sounds/README.txt": b"text",
        "usr/other/x.wav": wav(rng),
    }
    make_deb(folder, "forest", "1:2.0-1", forest)
    inner = {f"audio/rain{i}.wav": wav(rng, 5) for i in range(3)}
    inner |= {f"audio/step_{n}.wav": wav(rng, 0.5) for n in "abcdef"}
    music = {f"music/song_{n}.wav": wav(rng, 4) for n in "abcdef"}
    make_deb(
        folder,
        "game",
        "1.0",
        {"usr/data/public.zip": packed_zip(inner), "usr/data/extra.PK3": packed_zip(music)},
    )
    talk = {f"usr/talk/word_{n}.wav": wav(rng, 2, 11_025) for n in "abcdefgh"}
    make_deb(folder, "talk", "4", talk)
    return folder


@pytest.fixture
def apt(tmp_path, pool, monkeypatch):
    """Puts the stand-in first on the PATH; gives the log of what was asked for."""
    log, folder = tmp_path / "apt.log", tmp_path / "bin"
    folder.mkdir()
    (folder / "apt-get").write_text(APT_GET.format(log=log, pool=pool))
    (folder / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return log


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(
        "package,version,licence,kind,include_regex,exclude_regex\n"
        "forest,1:2.0-1,CC0,environment,sounds/,/ui/\n"
        "game,1.0,GPL-2+,environment,audio/,music\n"
        "game,1.0,GPL-2+,music,music,\n"
        "talk,3,CC-BY-4.0,speech-11kHz,.,\n"
    )
    return path


def test_the_projects_table_can_be_read():
    rows = read_table(DEFAULT_TABLE)
    assert len(rows) == 41
    assert {row.kind for row in rows} == {"environment", "speech", "music"}
    narrow = {row.package: row.bandwidth_hz for row in rows if row.bandwidth_hz < 16_000}
    assert narrow["simutrans-pak64"] == 5500
    assert narrow["festvox-ru"] == 8000
    assert all(row.licence for row in rows)


def test_rows_become_patterns(table):
    assert read_table(table) == [
        FOREST,
        GAME,
        GAME_MUSIC,
        Wanted("talk", "3", "CC-BY-4.0", "speech", 5500, ".", ""),
    ]
    assert FOREST.matches("/usr/sounds/a.wav")
    assert not FOREST.matches("/usr/sounds/ui/a.wav")


@pytest.mark.parametrize(
    "change, message",
    [
        (("music,music", "noise,music"), "unknown kind 'noise' of game"),
        (("audio/", "("), "unterminated subpattern"),
    ],
)
def test_unusable_tables(table, change, message):
    table.write_text(table.read_text().replace(*change))
    with pytest.raises(UserError, match=message):
        read_table(table)


def test_fetches_once_and_checks_the_version(tmp_path, apt, caplog):
    path = fetch("forest", "1:2.0-1", tmp_path / "packages")
    assert path.name == "forest_1%3a2.0-1_all.deb"
    assert fetch("forest", "1:2.0-1", tmp_path / "packages") == path
    assert apt.read_text() == "forest=1:2.0-1\n"
    assert not caplog.records
    assert list((tmp_path / "packages").iterdir()) == [path]


def test_another_version_is_taken_with_a_warning(tmp_path, apt, caplog):
    with caplog.at_level(logging.WARNING):
        path = fetch("talk", "3", tmp_path / "packages")
    assert path.name == "talk_4_all.deb"
    assert "talk: got version 4, the table was made for 3" in caplog.text


def test_what_apt_does_not_have(tmp_path, apt, monkeypatch):
    with pytest.raises(FetchError, match=r"Unable to locate gone.*apt-get update"):
        fetch("gone", "1", tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FetchError, match="there is no apt-get"):
        fetch("gone", "1", tmp_path)


def test_unpacks_archives_inside(tmp_path, pool):
    paths = unpack_sounds(pool / "game_1.0_all.deb", tmp_path, lambda path: "_a" in path)
    assert paths == [
        "/usr/data/extra.PK3/music/song_a.wav",
        "/usr/data/public.zip/audio/step_a.wav",
    ]
    for path in paths:
        assert soundfile.info(tmp_path / path[1:]).samplerate == 32_000
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 2


def test_unpacking_does_not_leave_its_folder(tmp_path, rng):
    deb = make_deb(tmp_path, "bad", "1", {"usr/x.zip": packed_zip({"../../up.wav": wav(rng)})})
    with pytest.raises(UserError, match="leads out of the package"):
        unpack_sounds(deb, tmp_path / "out", lambda path: True)


@pytest.mark.parametrize("n_bytes", [50, 20_000])
def test_damaged_package(tmp_path, pool, n_bytes):
    deb = tmp_path / "forest_1_all.deb"
    deb.write_bytes((pool / "forest_1%3a2.0-1_all.deb").read_bytes()[:n_bytes])
    with pytest.raises(UserError, match=r"is damaged.*delete it"):
        unpack_sounds(deb, tmp_path / "out", lambda path: True)


def test_decodes_what_is_wanted(pool, store):
    sources = decode_package(pool / "forest_1%3a2.0-1_all.deb", [FOREST, TALK], store)
    names = [source.file.removeprefix("/usr/sounds/") for source in sources]
    letters = [f"{n}.wav" for n in "abcdefgh"]
    assert sorted(names) == sorted(
        [*letters, "bird1.wav", "bird2.wav", "copy/of_bird.wav", "wind.wav"]
    )
    by_name = dict(zip(names, sources, strict=True))
    assert by_name["bird1.wav"].content == by_name["copy/of_bird.wav"].content
    assert by_name["wind.wav"].bandwidth_hz == 8000
    assert by_name["c.wav"].bandwidth_hz == 16_000
    assert by_name["c.wav"].seconds == pytest.approx(3, abs=0.05)
    wave, rate = soundfile.read(store / f"{by_name['wind.wav'].content}.flac")
    assert (rate, wave.ndim) == (32_000, 1)
    assert np.abs(wave).max() == pytest.approx(1, abs=1e-3)
    spectrum = np.abs(np.fft.rfft(wave))
    assert spectrum[round(0.52 * len(spectrum)) :].max() < 0.01 * spectrum.max()


def test_decoding_is_done_once(pool, store, monkeypatch):
    first = decode_package(pool / "talk_4_all.deb", [TALK], store)
    assert {source.bandwidth_hz for source in first} == {5500}
    assert {source.version for source in first} == {"4"}
    monkeypatch.setattr(selection, "unpack_sounds", None)
    assert decode_package(pool / "talk_4_all.deb", [TALK], store) == first


def test_the_margins_are_trimmed(tmp_path, rng):
    wave = np.zeros(96_000)
    wave[40_000:50_000] = 0.1 * rng.uniform(-1, 1, 10_000)
    soundfile.write(tmp_path / "x.wav", wave, 32_000)
    found, _ = selection.decode(tmp_path / "x.wav", 60)
    assert abs(found.size - 10_640) < 100


def build(table, output, *options):
    arguments = ["--table", table, "--output", output, "--scenes", 22, "--workers", 1, *options]
    return build_open_corpus.main([str(a) for a in arguments])


def test_builds_a_corpus_and_completes_it(tmp_path, apt, table, capsys):
    output = tmp_path / "corpus"
    assert build(table, output, "--copy_sources_table", tmp_path / "copy.csv") == 0
    assert "train: 18 scenes from" in capsys.readouterr().out
    folder = output / TAU_FOLDER
    clips = split_table(folder, SplitConfig(split_by="city"))
    assert clips.split.value_counts().to_dict() == {"train": 18, "valid": 2, "eval": 2}
    waves = {}
    for name in clips.filename:
        wave, rate = soundfile.read(folder / name)
        assert (rate, wave.shape) == (32_000, (320_000,))
        assert 0.01 < wave.std() < 0.2
        assert np.abs(wave).max() < 1
        waves[name] = wave
    assert len({wave.tobytes() for wave in waves.values()}) == 22

    with (output / "open_corpus_sources.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (tmp_path / "copy.csv").read_text() == (output / "open_corpus_sources.csv").read_text()
    assert {row["package"] for row in rows} == {"forest", "game", "talk"}
    assert {row["version"] for row in rows if row["package"] == "talk"} == {"4"}
    takes = collections.defaultdict(set)
    for row in rows:
        takes[row["package"], row["file"].strip("/").rstrip("0123456789.wav")].add(row["split"])
    assert all(len(splits) == 1 for splits in takes.values())

    gone = [folder / name for name in list(waves)[3:5]]
    for path in gone:
        path.unlink()
    assert build(table, output) == 0
    for path in gone:
        wave, _ = soundfile.read(path)
        np.testing.assert_array_equal(wave, waves[f"audio/{path.name}"])

    assert build(table, output, "--seed", 1) == 1
    assert "holds scenes of another seed" in capsys.readouterr().err


def test_a_package_that_cannot_be_had_is_left_out_and_named(tmp_path, apt, table, capsys):
    with table.open("a") as file:
        file.write("gone,1,CC0,environment,.,\n")
    assert build(table, tmp_path / "corpus") == 1
    captured = capsys.readouterr()
    assert "left out: gone: E: Unable to locate gone" in captured.err
    assert (tmp_path / "corpus" / TAU_FOLDER / "meta.csv").is_file()


@pytest.mark.parametrize("option, value", [("--scenes", 5), ("--workers", 0), ("--seed", -1)])
def test_impossible_options(tmp_path, table, capsys, option, value):
    assert build(table, tmp_path / "corpus", option, value) == 2
    assert f"{option} must be" in capsys.readouterr().err
    assert not (tmp_path / "corpus").exists()


def test_the_data_set_of_endless_mixtures(tmp_path, apt, table, monkeypatch, capsys):
    shrink(monkeypatch)
    for name, number in (("_RENDERINGS", 1), ("_SCENES", 2)):
        monkeypatch.setattr(create_open_dataset, name, dict.fromkeys(SPLITS, number))
    arguments = ["--output_path", tmp_path, "--table", table, "--workers", 1]
    assert create_open_dataset.main([str(a) for a in arguments]) == 0
    files = OpenFiles.of(tmp_path)
    listed = pd.read_csv(files.sources_table)
    assert set(listed["package"]) == {"forest", "game", "talk"}
    for split in SPLITS:
        sounds = SoundBank(files.bank, split).sounds
        recorded = {sound.name for sound in sounds if sound.kind != SYNTHESISED}
        assert recorded == set(listed[listed["split"] == split]["file"])
        assert sum(sound.kind == SYNTHESISED for sound in sounds) == len(SOURCES)
        features = Features(split_path(tmp_path, OPEN, split), "YamNet")
        assert len(features) == 8 and features.file_names == ("mixture_0", "mixture_1")
    before = {path: path.stat().st_mtime_ns for path in files.folder.rglob("*.*")}
    assert create_open_dataset.main([str(a) for a in arguments]) == 0
    changed = {path.name for path, t in before.items() if path.stat().st_mtime_ns != t}
    assert changed <= {"open_corpus_sources.csv"}
    assert create_open_dataset.main(["--output_path", str(tmp_path), "--workers", "0"]) == 2
