import argparse
import dataclasses
import json

import pytest
import torch

from sonograde_train import evaluate, export, repvgg, synthetic, train
from sonograde_train.contract import check
from sonograde_train.metrics import Gate

SETTINGS = train.Settings(
    "tiny",
    ((64, 3),),
    batch=4,
    learning_rate=1e-3,
    weight_decay=0.05,
    smoothing=0.05,
    guidance=0.1,
    validation_share=0.34,
    seed=0,
)
METADATA = {"name": "t", "version": "1.0.0", "training_data": "blobs", "intended_use": "demonstration"}
OPEN = Gate(1.0, 1.0, -1.0)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(repvgg.VARIANTS, "tiny", ((1, 2, 1, 1), (8, 8, 8, 16)))


@pytest.fixture
def run(folder, tmp_path):
    """(data, folder of a finished run, cache)."""
    train.train(folder, tmp_path / "run", SETTINGS, tmp_path / "cache")
    return folder, tmp_path / "run", tmp_path / "cache"


def weights(out):
    return torch.load(out / "last.pt", weights_only=True)["ema"]


def same(one: dict, other: dict) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_a_seed_decides_the_weights(run, tmp_path):
    data, out, cache = run
    train.train(data, tmp_path / "again", SETTINGS, cache)
    train.train(data, tmp_path / "other", dataclasses.replace(SETTINGS, seed=1), cache)
    assert same(weights(out), weights(tmp_path / "again"))
    assert not same(weights(out), weights(tmp_path / "other"))


def test_an_interrupted_run_ends_like_one_that_was_not(run, tmp_path, monkeypatch):
    data, out, cache = run
    cut, augment, calls = tmp_path / "cut", train.augment, []

    def pulled_plug(*args):
        calls.append(None)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return augment(*args)

    monkeypatch.setattr(train, "augment", pulled_plug)
    with pytest.raises(KeyboardInterrupt):
        train.train(data, cut, SETTINGS, cache)
    assert len((cut / "log.jsonl").read_text().splitlines()) == 1
    train.train(data, cut, SETTINGS, cache)
    assert same(weights(cut), weights(out))
    assert (cut / "log.jsonl").read_text() == (out / "log.jsonl").read_text()


def test_each_epoch_says_how_validation_went(run):
    lines = [json.loads(line) for line in (run[1] / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1, 2]
    assert {"loss", "auc", "exam_auc", "pointing_game_high"} <= lines[-1].keys()


def test_other_settings_are_refused_in_the_same_folder(run):
    data, out, cache = run
    with pytest.raises(SystemExit, match="other settings"):
        train.train(data, out, dataclasses.replace(SETTINGS, guidance=0.0), cache)


def test_the_parity_gate_names_what_is_too_far():
    good = {"auc_float": 0.86, "auc_int8": 0.856, "mean_score_difference": 0.02, "map_correlation": 0.98}
    assert Gate().breaches(good) == []
    bad = {
        "auc_float": 0.86,
        "auc_int8": 0.87,
        "mean_score_difference": 0.021,
        "map_correlation": float("nan"),
    }
    assert Gate().breaches(bad) == [
        "AUC difference 0.0100, at most 0.005",
        "mean score difference 0.0210, at most 0.02",
        "map correlation nan, at least 0.98",
    ]


def test_a_file_is_fine_tuned_only_if_the_gate_asks_and_written_only_if_it_passes(run, tmp_path, monkeypatch):
    data, out, cache = run
    model, rounds, tune = tmp_path / "model.onnx", [], export.finetune
    monkeypatch.setattr(export, "finetune", lambda *args: rounds.append(None) or tune(*args, steps=2))
    with pytest.raises(SystemExit, match="too far from float to ship: mean score difference"):
        export.export(data, out, cache, model, METADATA, Gate(1.0, -1.0, -1.0))
    assert len(rounds) == 1 and not model.exists()

    export.export(data, out, cache, model, METADATA, OPEN)
    assert len(rounds) == 1 and check(model)["name"] == "t"
    assert json.loads((out / "export.json").read_text())["quantization"] == "calibrated"


def test_evaluate_writes_float_and_int8_into_the_card_and_refuses_known_patients(run, tmp_path):
    data, out, cache = run
    model, card = tmp_path / "model.onnx", tmp_path / "card.md"
    export.export(data, out, cache, model, METADATA, OPEN)
    card.write_text("# a card\n\n## Figures\nold\n\n## Limits\nmany\n")
    args = argparse.Namespace(data=data, model=model, cache=cache, run_folder=out, card=card)
    with pytest.raises(SystemExit, match="patients that the run has seen: p000"):
        evaluate.run(args)
    unseen = tmp_path / "unseen"
    synthetic.write(unseen, patients=4, pictures=2, seed=9, side=64)
    labels = (unseen / "labels.csv").read_text().replace("\np", "\nq").replace(",e0", ",f0")
    (unseen / "labels.csv").write_text(labels)
    evaluate.run(argparse.Namespace(**{**vars(args), "data": unseen}))
    text = card.read_text()
    assert text.startswith("# a card\n\n## Figures\nOf the file with SHA-256")
    assert "| test | int8 | float |" in text and "| float against int8 | validation | test |" in text
    assert "8 pictures of 4 exams of 4 patients" in text and "old" not in text
    assert text.endswith("\n\n## Limits\nmany\n")
