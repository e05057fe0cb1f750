"""Writes cmaes.json: what the package cmaes makes of given samples and losses.

    python3 generate-cmaes.py > cmaes.json
"""

import json

import cmaes
import numpy

rng = numpy.random.RandomState(1)
optimizer = cmaes.CMA(mean=numpy.full(5, 0.5), sigma=1 / 6, population_size=8, seed=1)
generations = []
for _ in range(6):
    samples = [optimizer.ask() for _ in range(8)]
    losses = [float(rng.rand()) for _ in samples]
    optimizer.tell([(x, loss) for x, loss in zip(samples, losses)])
    generations.append(
        {
            "samples": [x.tolist() for x in samples],
            "losses": losses,
            "mean": optimizer._mean.tolist(),
            "sigma": float(optimizer._sigma),
            "covariance": optimizer._C.tolist(),
            "sigmaPath": optimizer._p_sigma.tolist(),
            "covariancePath": optimizer._pc.tolist(),
        }
    )
print(json.dumps({"generator": "generate-cmaes.py", "version": cmaes.__version__, "generations": generations}, indent=1))
