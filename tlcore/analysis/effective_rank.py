"""How many dimensions features really use. Where it falls towards one, they have collapsed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def effective_rank(features: npt.NDArray[np.floating]) -> float:
    """exp(−Σ p log p) with p the singular values of the features (N, D), divided by their sum.

    Between 1, where all are alike or on a line through the origin, and min(N, D), spread alike over all directions; 0
    where all are zero. By Roy and Vetterli 2007, equation 3; as a measure of collapse, on features not centred, Garrido
    et al. 2023, equation 1 (RankMe). Features that are not finite have no rank: NaN.
    """
    table = np.asarray(features, dtype=np.float64)
    if not np.isfinite(table).all():
        return float("nan")
    # Singular values from the smaller of the two matrices of inner products: some times faster, and exact enough here.
    gramian = table.T @ table if table.shape[1] <= table.shape[0] else table @ table.T
    values = np.sqrt(np.linalg.eigvalsh(gramian).clip(min=0.0))
    values = values[values > 1e-7 * values.max(initial=0.0)]  # what is below is rounding
    if not len(values):
        return 0.0
    shares = values / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
