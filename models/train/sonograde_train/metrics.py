"""Figures of a model on labelled pictures."""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from .data import Row
from .repvgg import CLASSES

RESAMPLES = 500


def auc(grades: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve as the Mann-Whitney statistic, ties counting half. [n] of 0/1, [n]."""
    high = int(grades.sum())
    rank_sum = rankdata(score)[grades == 1].sum()
    return float((rank_sum - high * (high + 1) / 2) / (high * (len(grades) - high)))


def picture_figures(rows: list[Row], score: np.ndarray, band: tuple[float, float]) -> dict:
    """AUC with a 95 % interval (bootstrap by patient), and the calls at 0.5 and outside the band."""
    grades = np.array([row.grade for row in rows])
    determinate = (score < band[0]) | (score > band[1])
    return {
        "auc": auc_with_interval([row.patient_id for row in rows], grades, score),
        "sensitivity": (score[grades == 1] > 0.5).mean(),
        "specificity": (score[grades == 0] <= 0.5).mean(),
        "accuracy": ((score > 0.5) == grades).mean(),
        "brier": np.square(score - grades).mean(),
        "indeterminate": 1 - determinate.mean(),
        "accuracy_determinate": ((score > 0.5) == grades)[determinate].mean(),
    }


def exam_figures(rows: list[Row], score: np.ndarray) -> dict:
    """AUC of the mean score of each exam, with its interval."""
    return {"exam_auc": auc_with_interval(*exam_scores(rows, score))}


def exam_scores(rows: list[Row], score: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
    """(patient, grade, mean score) of each exam."""
    exams = defaultdict(list)
    for row, one in zip(rows, score):
        exams[row.patient_id, row.exam_id, row.grade].append(one)
    patients, _, grades = zip(*exams)
    return list(patients), np.array(grades), np.array([np.mean(part) for part in exams.values()])


def auc_with_interval(
    patients: list[str], grades: np.ndarray, score: np.ndarray
) -> tuple[float, float, float]:
    """(AUC, lower, upper end of its 95 % interval)."""
    return auc(grades, score), *bootstrap_auc(patients, grades, score)


def bootstrap_auc(patients: list[str], grades: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    """2.5th and 97.5th percentile of the AUC over patients drawn with replacement, within grades."""
    members = defaultdict(list)
    for index, patient in enumerate(patients):
        members[int(grades[index]), patient].append(index)
    groups = [
        [np.array(part) for (grade, _), part in members.items() if grade == wanted] for wanted in (0, 1)
    ]
    rng = np.random.default_rng(0)
    aucs = []
    for _ in range(RESAMPLES):
        drawn = [group[i] for group in groups for i in rng.integers(0, len(group), len(group))]
        index = np.concatenate(drawn)
        aucs.append(auc(grades[index], score[index]))
    return float(np.percentile(aucs, 2.5)), float(np.percentile(aucs, 97.5))


def parity(
    grades: np.ndarray, exact: tuple[np.ndarray, np.ndarray], rounded: tuple[np.ndarray, np.ndarray]
) -> dict[str, float]:
    """Float against int8: (score [n], map of `high` [n, h, w]) each."""
    return {
        "auc_float": auc(grades, exact[0]),
        "auc_int8": auc(grades, rounded[0]),
        "mean_score_difference": float(np.abs(exact[0] - rounded[0]).mean()),
        "map_correlation": float(np.corrcoef(exact[1].ravel(), rounded[1].ravel())[0, 1]),
    }


class Gate(NamedTuple):
    """How far an int8 file may be from its float network and still be shipped."""

    auc_difference: float = 0.005
    mean_score_difference: float = 0.02
    map_correlation: float = 0.98

    def breaches(self, figures: dict[str, float]) -> list[str]:
        """What of `parity` is not good enough; empty if all is."""
        loss = abs(figures["auc_float"] - figures["auc_int8"])
        score, correlation = figures["mean_score_difference"], figures["map_correlation"]
        held = {
            f"AUC difference {loss:.4f}, at most {self.auc_difference}": loss <= self.auc_difference,
            f"mean score difference {score:.4f}, at most {self.mean_score_difference}": (
                score <= self.mean_score_difference
            ),
            f"map correlation {correlation:.4f}, at least {self.map_correlation}": (
                correlation >= self.map_correlation
            ),
        }
        return [text for text, good in held.items() if not good]


def map_figures(grades: np.ndarray, maps: np.ndarray, masks: np.ndarray) -> dict[str, float]:
    """Pointing game (Zhang et al. 2016, 10.1007/978-3-319-46493-0_33) and positive energy inside the lesion.

    By grade, in the map of the picture's own grade: `maps` [n, 2, h, w], `masks` u8 [n, h, w]. Pictures
    without a mask do not count.
    """
    figures = {}
    for grade, name in enumerate(CLASSES):
        chosen = (grades == grade) & masks.any(axis=(1, 2))
        if not chosen.any():
            continue
        own, inside = maps[chosen, grade], masks[chosen] / 255
        energy = own.clip(0)
        peak = own.reshape(len(own), -1).argmax(axis=1)
        hit = inside.reshape(len(own), -1)[np.arange(len(own)), peak] >= 0.5
        share = (energy * inside).sum(axis=(1, 2)) / energy.sum(axis=(1, 2)).clip(1e-9)
        figures |= {
            f"pointing_game_{name}": float(hit.mean()),
            f"energy_in_mask_{name}": float(share.mean()),
            f"mask_share_of_roi_{name}": float(inside.mean()),
        }
    return figures


def show(title: str, figures: dict[str, float]) -> None:
    """One figure a line."""
    print(title)
    for name, value in figures.items():
        print(f"  {name:24}{value:.4f}" if isinstance(value, float) else f"  {name:24}{value}")
