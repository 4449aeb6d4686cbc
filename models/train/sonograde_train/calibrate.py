"""Temperature and indeterminate band, fitted on validation patients and never on test.

Temperature scaling: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2.
"""

import numpy as np
from scipy.optimize import minimize_scalar

from .runtime import scores

DETERMINATE = 0.9
"""Share of validation pictures of the other grade that a determinate call leaves out, on either side."""


def fit_temperature(logits: np.ndarray, grades: np.ndarray) -> float:
    """The temperature in 0.05..20 with the least negative log-likelihood. [n, 2], [n] of 0/1."""

    def loss(log_temperature: float) -> float:
        p = scores(logits, np.exp(log_temperature)).clip(1e-12, 1 - 1e-12)
        return -np.mean(np.where(grades == 1, np.log(p), np.log1p(-p)))

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded").x))


def fit_band(score: np.ndarray, grades: np.ndarray) -> tuple[float, float]:
    """(band_low, band_high): above it `high` has 90 % specificity, below it 90 % of `high` are kept out.

    A model so good that the two cross needs no band: both are then the point between them.
    """
    low = float(np.quantile(score[grades == 1], 1 - DETERMINATE))
    high = float(np.quantile(score[grades == 0], DETERMINATE))
    return (low, high) if low <= high else ((low + high) / 2,) * 2
