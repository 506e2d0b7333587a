"""Fixtures for one download (`server`, `target`, `part`, `fetch`) and for many (`world`)."""

from pathlib import Path

import pytest
from download_world import World
from misbehaving_server import MisbehavingServer
from single_download import CONTENT, PATH, Fetcher

from sources import table


@pytest.fixture
def server():
    with MisbehavingServer() as server:
        server.contents[PATH] = CONTENT
        yield server


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "folder" / "weights.bin"


@pytest.fixture
def part(target) -> Path:
    target.parent.mkdir()
    return target.with_name("weights.bin.part")


@pytest.fixture
def fetch(server, target):
    return Fetcher(server, target)


@pytest.fixture
def world(tmp_path, monkeypatch):
    with MisbehavingServer() as server:
        world = World(server, tmp_path)
        monkeypatch.setattr(table, "TABLE_PATH", world.table_path)
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
        yield world
