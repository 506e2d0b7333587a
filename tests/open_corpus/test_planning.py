"""Which recordings are picked for which split, and what is drawn into a scene."""

import collections

import pytest

from features.splits import CITIES
from open_corpus.scenes import plan_scenes
from open_corpus.selection import CorpusRecording, pick
from transcoder.errors import UserError


def make_sources(n=200, kind="environment", seconds=5.0, bandwidth_hz=16_000.0, package="p"):
    return [
        CorpusRecording(package, "1", "CC0", f"/{kind}/{'abcdefghij'[i // 20]}x{i}y.wav", kind,
               seconds, bandwidth_hz, f"{package}-{kind}-{i}")
        for i in range(n)
    ]  # fmt: skip


def test_pick_drops_duplicates_and_keeps_takes_together():
    sources = make_sources()
    picked = pick([*sources, *sources], seed=0)
    assert len(picked) == 200
    splits = collections.defaultdict(set)
    for source, split in picked:
        splits[source.group].add(split)
    assert len(splits) == 10
    assert all(len(found) == 1 for found in splits.values())
    seconds = collections.Counter(split for _, split in picked)
    assert 120 <= seconds["train"] <= 160
    assert min(seconds["valid"], seconds["eval"]) >= 20
    assert pick(sources, seed=0) == pick(sources[::-1], seed=0) == picked
    assert pick(sources, seed=1) != picked


def test_pick_caps_music_and_speech():
    for kind in ("music", "speech"):
        picked = pick(make_sources(kind=kind, seconds=29.0), seed=0)
        assert 3600 - 29 < sum(source.seconds for source, _ in picked) <= 3600


@pytest.fixture(scope="module")
def sources():
    names = {"environment": 200, "speech": 100, "music": 100}
    made = [s for kind, n in names.items() for s in make_sources(n, kind)]
    made += make_sources(bandwidth_hz=5500.0, package="narrow")
    return pick(made, seed=0)


def test_plans_keep_the_splits_apart(sources):
    plans = plan_scenes(sources, 220, seed=0)
    split_of = {source.content: split for source, split in sources}
    for plan in plans:
        assert {split_of[recorded.content] for recorded in plan.recorded} == {plan.split}
        city = plan.filename.split("-")[1]
        assert city in CITIES[plan.split]
    assert collections.Counter(p.split for p in plans) == {"train": 180, "valid": 20, "eval": 20}
    assert len({plan.filename for plan in plans}) == 220
    assert {len([r for r in p.recorded if not r.looped]) for p in plans} == {1, 2, 3, 4}


def test_plans_are_a_matter_of_seed_and_index(sources):
    plans = plan_scenes(sources, 44, seed=0)
    assert plan_scenes(sources, 22, seed=0) == plans[:22]
    assert plan_scenes(sources, 44, seed=1) != plans


def test_narrow_sources_stay_far_away_under_a_bed(sources):
    narrow = {source.content for source, _ in sources if source.bandwidth_hz < 10_000}
    found = 0
    for plan in plan_scenes(sources, 220, seed=0):
        for recorded in plan.recorded:
            if recorded.content in narrow:
                found += 1
                assert recorded.distance_m >= 30
                assert recorded.level_db <= 0
                assert not recorded.looped
    assert found > 50


def test_every_scene_has_a_bed_and_most_are_of_streets(sources):
    plans = plan_scenes(sources, 440, seed=0)
    assert all(plan.synthesised for plan in plans)
    streets = [plan for plan in plans if plan.label == "street_traffic"]
    assert 0.5 < len(streets) / len(plans) < 0.7
    assert len({plan.label for plan in plans}) == 10


def test_a_split_without_any_source_is_reported(sources):
    only_train = [(source, split) for source, split in sources if split == "train"]
    with pytest.raises(UserError, match="no environmental recording for the split valid"):
        plan_scenes(only_train, 22, seed=0)
