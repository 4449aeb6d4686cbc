import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from sonograde_train.calibrate import fit_band, fit_temperature
from sonograde_train.metrics import auc, bootstrap_auc
from sonograde_train.runtime import scores


def drawn(n: int, temperature: float):
    """Logits that are `temperature` times too sure, and grades drawn from the true probabilities."""
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, n)
    grades = (rng.random(n) < 1 / (1 + np.exp(-true))).astype(int)
    return np.stack([np.zeros(n), true * temperature], axis=1), grades


def test_the_temperature_that_made_the_logits_is_found():
    logits, grades = drawn(20_000, 3.0)
    assert fit_temperature(logits, grades) == pytest.approx(3.0, rel=0.05)


def test_the_band_leaves_a_tenth_of_each_grade_outside_on_the_wrong_side():
    logits, grades = drawn(20_000, 1.0)
    score = scores(logits, 1.0)
    low, high = fit_band(score, grades)
    assert low < 0.5 < high
    assert (score[grades == 0] > high).mean() == pytest.approx(0.1, abs=0.001)
    assert (score[grades == 1] < low).mean() == pytest.approx(0.1, abs=0.001)


def test_a_perfect_model_has_no_band():
    low, high = fit_band(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1]))
    assert low == high and 0.2 < low < 0.8


def test_the_auc_is_that_of_scikit_learn_ties_included():
    rng = np.random.default_rng(1)
    for digits in (1, 9):
        grades, score = rng.integers(0, 2, 500), rng.random(500).round(digits)
        assert auc(grades, score) == pytest.approx(roc_auc_score(grades, score), abs=1e-12)


def test_the_interval_holds_the_auc_and_widens_when_pictures_share_patients():
    logits, grades = drawn(600, 1.0)
    score = scores(logits, 1.0)
    order = np.lexsort((score, grades))
    grades, score = grades[order], score[order]
    alone = bootstrap_auc([str(i) for i in range(600)], grades, score)
    shared = bootstrap_auc([str(i // 20) for i in range(600)], grades, score)
    assert alone[0] < auc(grades, score) < alone[1]
    assert shared[1] - shared[0] > 1.5 * (alone[1] - alone[0])
