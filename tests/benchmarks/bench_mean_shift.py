"""Time improved mean shift against the same algorithm on scikit-learn's MeanShift.

Run ``python tests/benchmarks/bench_mean_shift.py [ITEMS ...]``; 17944 and 1000000 are the sizes
to watch. The reference runs up to 5,000 items (its time grows with their square). CPU seconds
are given beside the wall clock, because a busy machine stretches only the latter.
"""

import argparse
import math
import resource
import runpy
import sys
import time
from pathlib import Path

from sklearn.metrics import adjusted_rand_score

from bayescod.difficulty import ImprovedMeanShift

N_LLMS = 8


def timed(function):
    """Return what the function returns, CPU seconds and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = function()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("items", type=int, nargs="*", default=[1319, 5000, 17944])
    parser.add_argument("--reference-up-to", type=int, default=5000, metavar="ITEMS")
    options = parser.parse_args()
    reference = runpy.run_path(
        str(Path(__file__).parents[1] / "difficulty" / "reference.py"), run_name="reference"
    )
    for n_items in options.items:
        profiles = reference["simulate_profiles"](n_items, N_LLMS)
        estimator = ImprovedMeanShift(max_distance=math.sqrt(N_LLMS))
        found, cpu, wall = timed(lambda e=estimator, p=profiles: e.fit(p))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        line = (
            f"{len(profiles):>8} items: {cpu:8.2f} s CPU, {wall:8.2f} s; "
            f"{len(found.cluster_centers_)} clusters, outliers {found.outlier_rate_:.4f}, "
            f"peak {memory:.0f} MiB"
        )
        if n_items <= options.reference_up_to:
            labels, slow_cpu, slow_wall = timed(lambda p=profiles: reference["reference_labels"](p))
            same = adjusted_rand_score(labels, found.labels_)
            line += (
                f"; scikit-learn {slow_cpu:.1f} s CPU, {slow_wall:.1f} s: "
                f"{slow_cpu / cpu:.0f} times; adjusted Rand index {same:.4f}"
            )
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
