"""Finished steps are done only as long as what made them is the same: records and their checks."""

import functools
import json

import numpy as np
import pytest
import torch
from doce_program import EXPERIMENT, Program
from training_data import write_features
from training_world import MODELS, N_FILES, World, use

from doce_plans import records
from exp_train_model.experiment import model_file
from transcoder.errors import UserError
from transcoder.files import atomic_path

MODEL = f"{MODELS['mlp']}+epoch=200"


# ---- of any experiment


class Recorded(Program):
    """The small experiment, whose outputs are made from ``self.made_from``."""

    def __init__(self, folder):
        super().__init__(folder)
        self.made_from = {"seed": 0, "input": {"data": "a"}}

    def __call__(self, *argv, monkeypatch):
        run = functools.partial(self._run, identify=lambda setting, experiment: self.made_from)
        with monkeypatch.context() as patch:
            patch.setattr("doce_program.run", run)
            return super().__call__("-s", "second/step=train+net=mlp", "-c", *argv)

    @staticmethod
    def _run(experiment, step, args, identify):
        from doce_plans.command_line import run

        return run(experiment, step, args, identify)


@pytest.fixture
def program(tmp_path, monkeypatch):
    return functools.partial(Recorded(tmp_path), monkeypatch=monkeypatch)


def test_what_is_done_is_skipped_until_something_changes(program, capsys):
    assert program() == 0 and len(program.func.calls) == 2
    assert program("-S") == 0 and program.func.calls == []
    program.func.made_from = {"seed": 1, "input": {"data": "b"}, "steps": 3}
    assert program("-S") == 1 and program.func.calls == []
    message = capsys.readouterr().err
    assert "seed: 0, now 1; input.data: a, now b; steps: None, now 3" in message
    assert message.count("\n") == 1 and "--renew" in message
    assert program("-S", "--renew") == 0 and len(program.func.calls) == 2
    assert program("-S") == 0 and program.func.calls == []


def test_with_detached_every_refused_setting_is_listed(program, capsys):
    assert program() == 0
    program.func.made_from = {"seed": 1}
    assert program("-S", "-D") == 1
    assert "2 of 2 settings failed" in capsys.readouterr().err


def test_outputs_without_a_record_are_unknown(program, capsys):
    assert program() == 0
    for path in program.func.folder.rglob("*_made_from.json"):
        path.unlink()
    assert program("-S") == 1
    assert "their record is missing" in capsys.readouterr().err


def test_an_interrupted_step_is_run_again_under_the_same_command(program):
    program.func.fails = {1, 10}
    with pytest.raises(ValueError, match="no luck"):
        program()
    program.func.fails = set()
    assert program("-S") == 0 and len(program.func.calls) == 2
    for path in program.func.folder.rglob("*_made_from.json"):  # killed while running again
        path.write_text(json.dumps(json.loads(path.read_text()) | {"complete": False}))
    assert program("-S") == 0 and len(program.func.calls) == 2


def test_what_a_killed_run_left_of_a_record_goes(program):
    assert program() == 0
    (record, _) = program.func.folder.rglob("*_made_from.json")
    with pytest.raises(KeyboardInterrupt), atomic_path(record) as temporary:
        raise KeyboardInterrupt
    temporary.write_text("{")
    assert program() == 0
    assert record.exists() and not temporary.exists()


def test_inputs_must_be_known_and_current(tmp_path):
    experiment = EXPERIMENT.at(tmp_path)
    (setting,) = experiment.select("first/step=evaluate+net=cnn+epoch=1")
    read = functools.partial(records.input_record, setting, experiment, command="python it")
    with pytest.raises(UserError, match="is missing; make it with: python it"):
        read(now={})
    (output,) = experiment.outputs_of(setting)
    output.parent.mkdir()
    np.save(output, np.ones(3))
    with pytest.raises(UserError, match=r"nobody knows .* make them again with: python it"):
        read(now={})
    made_from = {"data": "a", "model": {"weights": "w"}}
    records.write_record(setting, experiment, made_from, complete=True)
    assert read(now={"data": "a", "other": 1}) == made_from
    with pytest.raises(UserError, match=r"made from model\.weights w, now v; make it again with"):
        read(now={"weights": "v"})


# ---- of the training experiment


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A world with an oracle and a model whose training was a trial."""
    world = use(monkeypatch, World(tmp_path))
    assert world.run("reference/transcoder=oracle") == 0
    assert world.run(MODEL, "-c", "--max_steps", "1") == 0
    return world


def test_a_trial_is_not_taken_for_the_training(trained, capsys, caplog):
    assert trained.run(MODEL, "-c", "-S", "--max_steps", "1") == 0
    assert trained.run(MODEL, "-c", "-S") == 1
    assert "max_steps: 1, now None" in capsys.readouterr().err
    caplog.set_level("INFO")
    assert trained.run(MODEL, "-c", "-S", "--renew") == 0
    assert caplog.text.count("running classifier") == 3  # the outputs and scores of the trial too
    assert trained.run(MODEL, "-c", "-S") == 0
    assert "3 of 3 settings were skipped" in caplog.text
    assert trained.run(f"{MODEL}+step=train", "-c", "-S", "--seed", "1") == 1
    assert "seed: 0, now 1" in capsys.readouterr().err


def test_tables_of_trials_and_older_models_say_so_in_every_format(trained, capsys):
    table = (f"{MODEL}+step=metric", "-d", "-e", "trial")
    assert trained.run(*table) == 0
    assert "remarks" in capsys.readouterr().out
    folder = trained.experiment.path("export")
    for suffix in ("csv", "html", "tex"):
        assert "at most 1 batches" in (folder / f"trial.{suffix}").read_text()
    assert trained.run(f"{MODEL}+step=train", "-c", "--seed", "1") == 0
    assert trained.run(*table) == 0
    assert "of an older model" in capsys.readouterr().out


def test_scores_of_other_features_are_not_taken_for_these(trained, capsys):
    write_features(trained.features, n_files=N_FILES, seed=1)
    assert trained.run(MODEL, "-c", "-S", "-D", "--max_steps", "1") == 1
    message = capsys.readouterr().err
    assert "3 of 3 settings failed" in message and "data_train:" in message
    assert trained.run(f"{MODEL}+step=evaluate") == 1  # not of a model that learned from others
    assert "_model: was made from data_train" in capsys.readouterr().err
    assert trained.run(f"{MODEL}+step=metric") == 1
    assert "was made from data_" in capsys.readouterr().err
    assert trained.run("reference/transcoder=oracle", "-c", "-S", "--renew") == 0
    assert trained.run(MODEL, "-c", "-S", "--renew", "--max_steps", "1") == 0
    assert trained.run(MODEL, "-c", "-S", "--max_steps", "1") == 0


def test_scores_of_an_older_model_are_not_taken_for_the_new_one_s(trained, capsys):
    assert trained.run(f"{MODEL}+step=train", "-c", "--seed", "1") == 0
    for step in ("evaluate", "metric"):
        assert trained.run(f"{MODEL}+step={step}", "-c", "-S") == 1
        assert "weights" in capsys.readouterr().err
    assert trained.run(f"{MODEL}+step=metric") == 1
    assert "made from model.weights" in capsys.readouterr().err
    for options in (["-S", "--renew"], ["-S"]):
        assert trained.run(f"{MODEL}+step=evaluate", "-c", *options) == 0
        assert trained.run(f"{MODEL}+step=metric", "-c", *options) == 0


def test_a_model_put_there_by_hand_can_be_evaluated(trained, capsys):
    """As the published checkpoints, which have these names and tell nothing of their training."""
    setting = trained.setting(f"{MODEL}+step=train")
    path = model_file(setting, trained.experiment)
    state = torch.load(path)
    torch.save({name: value + 1 for name, value in state.items()}, path)
    assert trained.run(f"{MODEL}+step=evaluate", "-c", "-S") == 1
    assert "model.weights" in capsys.readouterr().err
    assert trained.run(f"{MODEL}+step=evaluate") == 0
    assert trained.run(f"{MODEL}+step=metric") == 0


def test_an_unfinished_training_is_begun_again_on_demand(trained, capsys):
    from exp_train_model.experiment import session_file
    from exp_train_model.training.session import Session

    setting = trained.setting(f"{MODEL}+step=train")
    path = session_file(setting, trained.experiment)
    model = torch.nn.Linear(1, 1)
    other = Session(model, torch.optim.Adam(model.parameters()), torch.amp.GradScaler("cpu"),
                    {"seed": 7})  # fmt: skip
    other.save(path)
    assert trained.run(f"{MODEL}+step=train") == 1
    assert "give --renew to begin again" in capsys.readouterr().err
    assert trained.run(f"{MODEL}+step=train", "-c", "-S", "--renew") == 0
    assert not path.exists()
