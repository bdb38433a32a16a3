"""The oracle of the clustering tests: COD's Algorithm 1 on scikit-learn's own MeanShift."""

import math

import numpy as np
from sklearn.cluster import MeanShift, estimate_bandwidth


def simulate_profiles(n_items, n_llms=8, seed=0, n_trials=300):
    """Pass rates of items that grow as logistic curves along the ladder, with binomial noise."""
    rng = np.random.default_rng(seed)
    size = np.linspace(0.0, 1.0, n_llms)
    midpoint = rng.uniform(-0.3, 1.6, n_items)[:, None]
    slope = np.exp(rng.normal(math.log(6.0), 0.6, n_items))[:, None]
    floor = (rng.choice([0.0, 0.0, 0.25], n_items) * rng.uniform(0.0, 1.0, n_items))[:, None]
    ceiling = rng.beta(20.0, 1.5, n_items)[:, None]
    rate = floor + (ceiling - floor).clip(0.0) / (1.0 + np.exp(-slope * (size - midpoint)))
    profiles = rng.binomial(n_trials, rate) / n_trials
    return profiles[profiles.any(axis=1)]


def reference_labels(
    items, *, quantile=0.1, max_radius_fraction=0.1, min_cluster_size=10, max_distance=None
):
    """Label the items (at least 100) round by round, as the paper prints it."""
    largest = math.sqrt(items.shape[1]) if max_distance is None else max_distance
    radius = min(estimate_bandwidth(items, quantile=quantile), max_radius_fraction * largest)
    labels = np.full(len(items), -1)
    while True:
        left = np.flatnonzero(labels < 0)
        if not len(left):
            return labels
        model = MeanShift(bandwidth=radius).fit(items[left])
        apart = np.linalg.norm(items[left] - model.cluster_centers_[model.labels_], axis=1)
        changed = False
        for cluster in range(len(model.cluster_centers_)):
            member = (model.labels_ == cluster) & (apart <= radius)
            if member.sum() >= min_cluster_size:
                labels[left[member]] = labels.max() + 1
                changed = True
        if not changed:
            return labels
