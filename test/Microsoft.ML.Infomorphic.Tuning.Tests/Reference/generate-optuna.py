"""Writes optuna.json: what Optuna's samplers reach on the objectives of ObjectiveFunctions.cs.

    python3 generate-optuna.py > optuna.json

19 dimensions, 300 evaluations one after another, 20 seeds; the best value of each run. Needs Optuna and cmaes.
"""

import json
import math
import multiprocessing
import platform

import cmaes
import numpy
import optuna

DIMENSIONS = 19
EVALUATIONS = 300
SEEDS = range(20)


def optimum(i):
    """Where coordinate i has its best value, as a share of the half-width: off the centre, which samplers favour."""
    return 0.6 * math.cos(1.7 * (i + 1))


def ellipsoid(x):
    return sum(10 ** (6 * i / (len(x) - 1)) * (v - optimum(i)) ** 2 for i, v in enumerate(x))


def rastrigin(x):
    z = [v - 5.12 * optimum(i) for i, v in enumerate(x)]
    return sum(v * v - 10 * math.cos(2 * math.pi * v) + 10 for v in z)


def run(sampler, function, bound):
    def objective(trial):
        return function([trial.suggest_float(f"x{i:02d}", -bound, bound) for i in range(DIMENSIONS)])

    study = optuna.create_study(sampler=sampler, direction="minimize")
    study.optimize(objective, n_trials=EVALUATIONS)
    return study.best_value


def cma_es(seed):
    sampler = optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    return run(sampler, ellipsoid, 1.0)


def tpe(seed):
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True)
    return run(sampler, rastrigin, 5.12)


def tpe_of_the_paper(seed):
    sampler = optuna.samplers.TPESampler(
        seed=seed, multivariate=True, n_startup_trials=100, n_ei_candidates=100
    )
    return run(sampler, rastrigin, 5.12)


def main():
    with multiprocessing.Pool(2) as pool:
        best_values = {
            "CMA-ES on the ellipsoid": pool.map(cma_es, SEEDS, 1),
            "TPE on Rastrigin": pool.map(tpe, SEEDS, 1),
            "TPE with 100 start-up trials and 100 candidates on Rastrigin": pool.map(tpe_of_the_paper, SEEDS, 1),
        }
    report = {
        "generator": "generate-optuna.py",
        "versions": {
            "optuna": optuna.__version__,
            "cmaes": cmaes.__version__,
            "numpy": numpy.__version__,
            "python": platform.python_version(),
        },
        "dimensions": DIMENSIONS,
        "evaluations": EVALUATIONS,
        "bestValues": best_values,
    }
    print(json.dumps(report, indent=1))


optuna.logging.set_verbosity(optuna.logging.ERROR)
if __name__ == "__main__":
    main()
