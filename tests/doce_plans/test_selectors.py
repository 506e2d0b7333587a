"""Plans, identifiers, selectors against doce as of April 2023."""

import hashlib
import math
import re
import time

import pytest
import yaml
from doce_golden import GOLDEN, published_experiment

from doce_plans.outputs import load_array
from doce_plans.plans import FILLER, Plan, identifier, merge, modality_text
from doce_plans.selectors import select
from doce_plans.settings import describe
from transcoder.errors import UsageError, UserError


@pytest.fixture(params=["train_exp", "classif_exp"])
def experiment(request, tmp_path):
    return published_experiment(request.param, tmp_path)


@pytest.fixture
def train_exp(tmp_path):
    return published_experiment("train_exp", tmp_path)


@pytest.fixture
def classif_exp(tmp_path):
    return published_experiment("classif_exp", tmp_path)


def _unnamed(experiment):
    return tuple(plan for plan in experiment.plans if not plan.named_only)


def test_plans_are_the_published_ones(experiment):
    golden = GOLDEN["experiments"][experiment.name]["plans"]
    ours = [
        {"name": p.name, "factors": [[f, list(m)] for f, m in p.factors.items()], "count": len(p)}
        for p in _unnamed(experiment)
    ]
    assert ours == golden


def test_all_plans_together(experiment):
    golden = GOLDEN["experiments"][experiment.name]["all_plans"]
    merged = merge(_unnamed(experiment))
    assert [[f, list(m)] for f, m in merged.factors.items()] == golden["factors"]
    assert len(merged) == golden["product_count"]
    fillers = {f: FILLER for f, m in merged.factors.items() if FILLER in m}
    assert fillers == golden["hidden_modality"]
    assert len(experiment.select()) == golden["in_plans_count"]


def test_metrics_are_the_published_ones(experiment):
    for ours, golden in zip(
        experiment.metrics, GOLDEN["experiments"][experiment.name]["metrics"], strict=False
    ):
        better = "higher" if golden.get("higher_the_better") else "lower"
        assert golden.pop("higher_the_better", False) != golden.pop("lower_the_better", False)
        assert ours.better == better
        for name, value in golden.items():
            assert getattr(ours, name) == value


@pytest.mark.parametrize(
    "entry",
    [e for e in GOLDEN["selectors"] if e["valid"]],
    ids=lambda e: f"{e['n']} {e['experiment']} {e['form']}",
)
def test_selector(entry, tmp_path):
    wanted = entry["doce"]
    same_as_doce = entry.get("in_plans", "same") == "same"
    if not same_as_doce:
        wanted = entry["in_plans"]
    selection = published_experiment(entry["experiment"], tmp_path).select(entry["s"])

    found = [setting.identifier() for setting in selection]
    assert len(found) == wanted["count"]
    if "ids" in wanted:
        assert found == wanted["ids"]
    else:
        assert found[:3] == wanted["first"]
        assert found[-3:] == wanted["last"]
    assert hashlib.sha256("\n".join(found).encode()).hexdigest() == wanted["sha256"]
    if same_as_doce:
        first = describe(selection.frame, selection.settings[0])
        assert first == entry["doce"]["first_line_of_l"]
    plan = entry["doce"]["plan"]
    if plan != "merged":
        assert {setting.plan.name for setting in selection} == {plan}


@pytest.mark.parametrize(
    "entry",
    [e for e in GOLDEN["selectors"] if not e["valid"]],
    ids=lambda e: f"{e['n']} {e['experiment']} {e['form']}",
)
def test_bad_selector(entry, tmp_path):
    wanted = entry["wanted"]
    with pytest.raises(UsageError, match=wanted["error"]) as raised:
        published_experiment(entry["experiment"], tmp_path).select(entry["s"])
    message = str(raised.value)
    assert "\n" not in message
    assert wanted["names"] in message.partition(wanted["error"])[2]
    hint = re.search(r"did you mean (.*?)\?", message)
    assert (hint[1].split(" or ") if hint else []) == wanted["suggests"]


@pytest.mark.parametrize("entry", GOLDEN["later_grammar"], ids=lambda e: e["s"])
def test_grammar_is_that_of_2023(entry, tmp_path):
    experiment = published_experiment(entry["experiment"], tmp_path)
    if "error" in entry["april_2023"]:
        with pytest.raises(UsageError):
            experiment.select(entry["s"])
    else:
        assert len(experiment.select(entry["s"])) == entry["april_2023"]["count"]


@pytest.mark.parametrize(
    "selector",
    ["deep/[0,[]]", "deep/{'step':[]}", "deep/['a']", "deep/{'step'}", "deep/[True]", "deep/[0.]"],
)
def test_literals_that_are_no_selectors(classif_exp, selector):
    with pytest.raises(UsageError, match="not a selector"):
        classif_exp.select(selector)


def test_a_closing_all_is_no_index_too_many(classif_exp):
    assert len(classif_exp.select("deep/[[0],[0],[0],[0],[0,1],-1]")) == 2


def test_a_repeated_modality_selects_once_and_sorts(classif_exp):
    twice = classif_exp.select("deep/{'step':['metric','train','metric']}")
    assert [s.step for s in twice] == ["train"] * 8 + ["metric"] * 8


def test_all_plans_are_listed_in_reasonable_time(train_exp):
    start = time.perf_counter()
    assert len(train_exp.select("{'dataset':'TEST'}")) == 5012
    assert time.perf_counter() - start < 5  # 0.2 s alone; the product has 20 million


def test_extra_transcoders_only_by_plan_name(classif_exp):
    assert {s.transcoder for s in classif_exp.select()} == {"self", "cnn"}
    with pytest.raises(UsageError, match="unknown modality 'pinv'"):
        classif_exp.select("transcoder=pinv")
    extra = classif_exp.select("deep_extra/step=metric")
    assert {s.transcoder for s in extra} == {"pinv", "cnn_mels"}


def test_selections_add_up(classif_exp):
    first = classif_exp.select("reference/dataset=SONYC-UST")
    both = first + classif_exp.select("reference_extra/") + first
    assert len(both) == 4 + 8
    assert both.settings[:4] == first.settings
    assert both.frame.factors["transcoder"] == ("self", "cnn", "pinv", "cnn_mels")


def test_running_order_without_a_plan_name(train_exp):
    selection = train_exp.select(
        "{'dataset':'TEST','classifier':'PANN','epoch':[1,-99999],'learning_rate':[-3,-99999],"
        "'transcoder':['pinv','self']}"
    )
    assert [s.step for s in selection] == ["evaluate", "metric", "evaluate", "metric", "train"]
    in_order = [(s.plan.name, s.step) for s in selection.in_running_order()]
    assert in_order == [
        ("reference", "evaluate"),
        ("reference", "metric"),
        ("ts", "train"),
        ("ts", "evaluate"),
        ("ts", "metric"),
    ]


@pytest.mark.parametrize(
    ("modality", "text"), [pair for kind in GOLDEN["modality_texts"].values() for pair in kind]
)
def test_modality_text(modality, text):
    assert modality_text(modality) == text


def test_identifier_sorts_factors_and_leaves_fillers_out():
    assert identifier({"ts": 0, "b": FILLER, "a": 0.5, "c": True}) == "a=0.5+c=1+ts=0"


def test_settings_are_plain_values_and_cannot_change(train_exp):
    setting = train_exp.setting("mlp", step="train", transcoder="mlp", dataset="TEST",
                                classifier="PANN", epoch=1, learning_rate=-3, hidden1=100,
                                hidden2=1000)  # fmt: skip
    assert setting.ts == 0  # the only modality need not be given
    assert yaml.safe_load(yaml.safe_dump(dict(setting))) == dict(setting)
    assert "hidden1" in setting
    assert "nb_layers" not in setting
    assert setting["hidden1"] == setting.hidden1 == 100
    with pytest.raises(AttributeError):
        setting.epoch = 10
    with pytest.raises(KeyError):
        setting["nb_layers"]

    evaluate = setting.replace("step", "evaluate")
    assert evaluate.identifier() == setting.identifier().replace("step=train", "step=evaluate")
    assert setting.step == "train"
    assert evaluate.replace("step", "train") == setting
    assert evaluate != setting


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"step": "train", "transcoder": "cnn", "classifier": "PANN"}, "no value .* dataset"),
        ({"stp": "train"}, "no factor 'stp'"),
        ({"step": "trian"}, "no modality 'trian'"),
    ],
)
def test_setting_by_values_refuses(classif_exp, values, message):
    with pytest.raises(UsageError, match=message):
        classif_exp.setting("deep", **values)
    with pytest.raises(UsageError, match="no modality 'trian'"):
        classif_exp.select("deep/").settings[0].replace("step", "trian")


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({}, "no factors"),
        ({"a": []}, "empty"),
        ({"a": [1, 1]}, "repeats"),
        ({"a": ["x=y"]}, "selectors use"),
        ({"a": ["x y"]}, "selectors use"),
        ({"a": [math.nan]}, "finite"),
        ({"a": [None]}, "not a string"),
    ],
)
def test_plan_refuses(factors, message):
    with pytest.raises(UsageError, match=message):
        Plan("p", factors)


@pytest.mark.parametrize("factor", ["mask", "replace", "identifier", "plan", "_a"])
def test_factor_named_like_a_method(factor):
    with pytest.raises(UsageError, match="cannot be named"):
        select([Plan("p", {factor: [1]})], "p/")


def test_types_are_told_apart_in_dicts():
    plans = [Plan("p", {"rate": [1.0, 0.5], "flag": [True, False]})]
    assert len(select(plans, "p/{'rate':1.0,'flag':True}")) == 1
    assert select(plans, "p/rate=1.+flag=1").settings[0].identifier() == "flag=1+rate=1."
    for selector in ("p/{'rate':1}", "p/{'flag':1}"):
        with pytest.raises(UsageError, match="unknown modality"):
            select(plans, selector)


def test_a_broken_file_is_named(train_exp):
    setting = train_exp.select("reference/").settings[0]
    file = train_exp.file("loss", setting, "losses_train")
    file.parent.mkdir()
    file.write_bytes(b"half a fi")
    with pytest.raises(UserError, match=r"losses_train\.npy"):
        load_array(file)
