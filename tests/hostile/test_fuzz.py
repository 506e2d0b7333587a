"""Damaged files of every kind: read right, or refused in a line; see tests/helpers/fuzz.py."""

import pytest
from attacks import AREAS
from fuzz import attacks, last_lines, warm_up
from sandbox import BAD


def attack_area(name: str, first: int, n_inputs: int) -> None:
    warm_up()
    for seed, outcome in attacks(AREAS[name], first, n_inputs):
        assert outcome.kind not in BAD, f"attack {seed}: {outcome.kind}: {last_lines(outcome, 20)}"


@pytest.mark.parametrize("name", AREAS)
def test_whole_files_are_read(name, tmp_path):
    """Or the attacks would say nothing."""
    from dataclasses import replace

    if name != "servers' answers":  # which depend on what was asked for
        warm_up()
        whole = replace(AREAS[name], damage=lambda data, rng: data)
        kinds = {outcome.kind for _, outcome in attacks(whole, 0, 3)}
        assert kinds == {"right"}


@pytest.mark.parametrize("name", AREAS)
def test_some_damaged_files(name):
    attack_area(name, 0, 5)


@pytest.mark.slow
@pytest.mark.parametrize("name", AREAS)
def test_many_damaged_files(name):
    attack_area(name, 1000, 220)
