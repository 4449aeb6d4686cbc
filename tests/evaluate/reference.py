"""Reference figures for `sonograde evaluate`: reference.json, made with scikit-learn, scipy and plain definitions.

    python tests/evaluate/reference.py            writes reference.json
    python tests/evaluate/reference.py --check    computes again and compares with it

`tests/evaluate.rs` compares the program's figures with the file. Needs numpy, scipy and scikit-learn.
"""

import argparse
import json
import math
import random
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn import calibration, metrics

FILE = Path(__file__).with_name("reference.json")
BAND = (0.3, 0.62)
WANTED = 0.9
RESAMPLES = 60
BINS = 10
TOLERANCE = 1e-9


def score_sets() -> dict[str, list]:
    """Name to cases, each [patient, is high, score]."""
    rng = random.Random(20140704)

    def draw(patients: int, pictures: int, shift: float, digits: int, spread: float = 1.0) -> list:
        cases = []
        for patient in range(patients):
            high = patient % 2 == 1
            own = rng.gauss(shift if high else -shift, 0.8 * spread)
            for _ in range(rng.randint(1, pictures)):
                score = 1 / (1 + math.exp(-rng.gauss(own, 0.6 * spread)))
                cases.append([f"p{patient}", high, round(score, digits)])
        return cases

    return {
        "usual": draw(40, 6, 0.7, 6),
        "many ties, scores on the edges of bins": draw(30, 5, 0.5, 1),
        "worse than chance": draw(24, 4, -0.4, 4),
        "overconfident": draw(24, 4, 1.0, 4, spread=4.0),
        "separated": [["a", True, 0.9], ["b", True, 0.8], ["c", False, 0.2], ["d", False, 0.1]],
        "two of each": [["a", True, 0.4], ["b", True, 0.8], ["c", False, 0.6], ["d", False, 0.1]],
        "one of each": [["a", True, 0.7], ["b", False, 0.4]],
        "constant": [[f"p{n}", n % 3 == 0, 0.5] for n in range(12)],
        "only low": [[f"p{n}", False, n / 10] for n in range(7)],
        "only high": [[f"p{n}", True, n / 10] for n in range(7)],
        "one patient": [["a", True, 0.2], ["a", True, 0.5], ["a", True, 0.9]],
        "nobody called high": [[f"p{n}", n % 2 == 0, 0.01 * n] for n in range(20)],
        "the ends of 0 to 1": [[f"p{n}", n % 2 == 0, float(n % 4 in (0, 3))] for n in range(16)],
        "one high among many": [["h", True, 0.6], *([f"l{n}", False, round(n / 31, 3)] for n in range(30))],
    }


def delong(high: np.ndarray, low: np.ndarray) -> list | None:
    """DeLong, DeLong and Clarke-Pearson 1988, by its definition: every pair of cases."""
    if len(high) < 2 or len(low) < 2:
        return None
    psi = np.array([[1.0 if x > y else 0.5 if x == y else 0.0 for y in low] for x in high])
    auc = psi.mean()
    of_high = np.square(psi.mean(axis=1) - auc).sum() / (len(high) - 1)
    of_low = np.square(psi.mean(axis=0) - auc).sum() / (len(low) - 1)
    variance = of_high / len(high) + of_low / len(low)
    if variance == 0:
        return None
    low_end, high_end = stats.norm.interval(0.95, loc=auc, scale=math.sqrt(variance))
    return [max(0.0, low_end), min(1.0, high_end)]


def auc(truth: np.ndarray, score: np.ndarray, weights: np.ndarray) -> float | None:
    if not (weights[truth].any() and weights[~truth].any()):
        return None
    return metrics.roc_auc_score(truth, score, sample_weight=weights)


def brier(truth: np.ndarray, score: np.ndarray, weights: np.ndarray) -> float | None:
    return metrics.brier_score_loss(truth, score, sample_weight=weights, pos_label=True) if weights.any() else None


def bins(truth: np.ndarray, score: np.ndarray) -> list[dict]:
    edges = np.linspace(0, 1, BINS + 1)
    number = np.searchsorted(edges[1:-1], score)
    made = []
    for n in range(BINS):
        inside = number == n
        mean = float(score[inside].mean()) if inside.any() else 0.0
        made.append({"cases": int(inside.sum()), "high": int(truth[inside].sum()), "mean_score": mean})
    if len(set(truth)) == 2:
        share, mean = calibration.calibration_curve(truth, score, n_bins=BINS)
        filled = [b for b in made if b["cases"]]
        assert np.allclose(share, [b["high"] / b["cases"] for b in filled])
        assert np.allclose(mean, [b["mean_score"] for b in filled])
    return made


def calibration_error(made: list[dict]) -> float:
    total = sum(b["cases"] for b in made)
    return sum(b["cases"] / total * abs(b["high"] / b["cases"] - b["mean_score"]) for b in made if b["cases"])


def youden(truth: np.ndarray, score: np.ndarray) -> float | None:
    """The highest threshold with the largest sensitivity + specificity; in whole numbers, so that ties are ties."""
    if truth.all() or not truth.any():
        return None
    highs, lows = int(truth.sum()), int((~truth).sum())

    def gain(threshold: float) -> tuple[int, float]:
        called = score >= threshold
        return int((called & truth).sum()) * lows - int((called & ~truth).sum()) * highs, threshold

    best = max(map(gain, set(score)))
    fpr, tpr, _ = metrics.roc_curve(truth, score, drop_intermediate=False)
    # scikit-learn's curve also begins with nothing called high, where the gain is 0.
    assert math.isclose(max(best[0], 0) / (highs * lows), (tpr - fpr).max(), abs_tol=1e-12)
    return float(best[1])


def reaching(truth: np.ndarray, score: np.ndarray) -> float | None:
    """The highest threshold with the wanted sensitivity."""
    if not truth.any():
        return None
    return float(max(t for t in set(score) if (score[truth] >= t).mean() >= WANTED))


def figures(truth: np.ndarray, called: np.ndarray, determinate: np.ndarray, weights: np.ndarray) -> list:
    """Sensitivity, specificity, accuracy, PPV, NPV, no call, F1; None where scikit-learn would divide by 0."""
    t, c, w = truth[determinate], called[determinate], weights[determinate]
    none = float("nan")
    of = lambda value: None if math.isnan(value) else float(value)
    recall = lambda label: metrics.recall_score(t, c, pos_label=label, sample_weight=w, zero_division=none)
    precision = lambda label: metrics.precision_score(t, c, pos_label=label, sample_weight=w, zero_division=none)
    if not w.any():
        made = [None] * 5
        f1 = None
    else:
        accuracy = metrics.accuracy_score(t, c, sample_weight=w)
        made = [of(recall(True)), of(recall(False)), float(accuracy), of(precision(True)), of(precision(False))]
        f1 = of(metrics.f1_score(t, c, sample_weight=w, zero_division=none))
    no_call = float(weights[~determinate].sum() / weights.sum()) if weights.sum() else None
    return [*made, no_call, f1]


def wilson(count: int, of: int) -> list | None:
    if of == 0:
        return None
    interval = stats.binomtest(count, of).proportion_ci(0.95, method="wilson")
    return [interval.low, interval.high]


def draws(seed: int = 1):
    """A linear congruential generator (Knuth's MMIX), the same in tests/evaluate.rs."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield state >> 33


def by_patient(patients: list[str], truth: np.ndarray, compute) -> list:
    """2.5th and 97.5th percentile of each figure over patients drawn within each grade."""
    names = list(dict.fromkeys(patients))
    grade = {patient: bool(high) for patient, high in zip(patients, truth)}
    groups = [[p for p in names if grade[p] == wanted] for wanted in (False, True)]
    count = len(compute(np.ones(len(patients))))
    if any(len(group) == 1 for group in groups):
        return [None] * count
    random_numbers = draws()
    columns: list[list] = [[] for _ in range(count)]
    for _ in range(RESAMPLES):
        drawn = dict.fromkeys(names, 0)
        for group in groups:
            for _ in group:
                drawn[group[next(random_numbers) % len(group)]] += 1
        weights = np.array([drawn[p] for p in patients], dtype=float)
        for column, value in zip(columns, compute(weights)):
            if value is not None:
                column.append(value)
    enough = 0.95 * RESAMPLES
    ends = lambda column: [float(end) for end in np.percentile(column, [2.5, 97.5])]
    return [ends(column) if column and len(column) >= enough else None for column in columns]


def level(cases: list) -> dict:
    """Every figure of a set, in the form of `sonograde evaluate --json`."""
    patients = [case[0] for case in cases]
    truth = np.array([case[1] for case in cases], dtype=bool)
    score = np.array([case[2] for case in cases], dtype=float)
    once = np.ones(len(cases))
    rules = [("half", 0.5), ("youden", youden(truth, score)), ("sensitivity", reaching(truth, score))]
    rules = [(name, t, score >= t, once.astype(bool)) for name, t in rules if t is not None]
    low_end, high_end = BAND
    rules.append(("band", None, score > high_end, (score < low_end) | (score > high_end)))

    def compute(weights: np.ndarray) -> list:
        made = [auc(truth, score, weights), brier(truth, score, weights)]
        for _, _, called, determinate in rules:
            made += figures(truth, called, determinate, weights)
        return made

    intervals = iter(by_patient(patients, truth, compute))
    estimate = lambda value, ci95: {"value": value, "ci95": ci95, "ci95_by_patient": next(intervals)}
    made_bins = bins(truth, score)
    result = {
        "cases": len(cases),
        "patients": len(set(patients)),
        "low": int((~truth).sum()),
        "high": int(truth.sum()),
        "auc": estimate(auc(truth, score, once), delong(score[truth], score[~truth])),
        "brier": estimate(brier(truth, score, once), None),
        "calibration_error": calibration_error(made_bins),
        "calibration": made_bins,
        "calls": [],
    }
    for name, threshold, called, determinate in rules:
        values = figures(truth, called, determinate, once)
        (tl, fh), (fl, th) = metrics.confusion_matrix(
            truth[determinate], called[determinate], labels=[False, True]
        ).tolist() if determinate.any() else ((0, 0), (0, 0))
        no_call = int((~determinate).sum())
        counts = [(th, th + fl), (tl, tl + fh), (th + tl, th + tl + fh + fl), (th, th + fh), (tl, tl + fl)]
        counts.append((no_call, len(cases)))
        names = ["sensitivity", "specificity", "accuracy", "ppv", "npv", "no_call"]
        calls = {
            "rule": name,
            "threshold": threshold,
            "confusion": {"true_high": th, "false_high": fh, "true_low": tl, "false_low": fl, "no_call": no_call},
        }
        for key, value, (count, of) in zip(names, values, counts):
            calls[key] = estimate(value, wilson(count, of))
        calls["f1"] = estimate(values[-1], None)
        result["calls"].append(calls)
    return result


def reference() -> dict:
    return {
        "band": BAND,
        "wanted_sensitivity": WANTED,
        "resamples": RESAMPLES,
        "sets": [{"name": name, "cases": cases, "level": level(cases)} for name, cases in score_sets().items()],
    }


def differences(a, b, place: str = "") -> list[str]:
    """Where two JSON values differ by more than TOLERANCE."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return [d for key in a for d in differences(a[key], b[key], f"{place}/{key}")]
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and len(a) == len(b):
        return [d for n, (x, y) in enumerate(zip(a, b)) for d in differences(x, y, f"{place}/{n}")]
    numbers = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in (a, b))
    same = abs(a - b) <= TOLERANCE if numbers else a == b
    return [] if same else [f"{place}: {a} and {b}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with reference.json instead of writing it")
    computed = reference()
    if parser.parse_args().check:
        found = differences(computed, json.loads(FILE.read_text()))
        if found:
            raise SystemExit("reference.json differs:\n" + "\n".join(found))
        print(f"reference.json: {len(computed['sets'])} sets agree to {TOLERANCE}")
    else:
        sets = ",\n".join(json.dumps(one) for one in computed.pop("sets"))
        FILE.write_text(json.dumps(computed)[:-1] + f', "sets": [\n{sets}\n]}}\n')


if __name__ == "__main__":
    main()
