"""Probabilities that mean what they say: logistic regression, and how far off it is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

FOLDS = 5
RIDGE = 1.0  # strength of the penalty on the weights, in pseudo-statements
BINS = 10


def fit_logistic(features: Array, right: Array) -> Array:
    """Ridge logistic regression by Newton's method; the constant is not penalised."""
    weights = np.zeros(features.shape[1])
    penalty = np.full(features.shape[1], RIDGE)
    penalty[0] = 1e-6
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(features @ weights, -30, 30)))
        gradient = features.T @ (p - right) + penalty * weights
        curvature = (features * (p * (1 - p))[:, None]).T @ features + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def expected_calibration_error(confidence: Array, right: Array) -> float:
    """Mean gap between confidence and share right over ten equal-width bins, weighted by size
    (Naeini et al. 2015)."""
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [
        abs(confidence[place == k].mean() - right[place == k].mean()) * (place == k).mean()
        for k in range(BINS)
        if (place == k).any()
    ]
    return float(np.sum(gaps))


def cross_validated_error(features: Array, right: Array, article: npt.NDArray[np.int64]) -> float:
    """Calibration error when each article's confidence comes from weights fitted on others."""
    predicted = np.zeros(len(right))
    for fold in range(FOLDS):
        held = article % FOLDS == fold
        weights = fit_logistic(features[~held], right[~held])
        predicted[held] = 1 / (1 + np.exp(-features[held] @ weights))
    return expected_calibration_error(predicted, right)
