"""Sample dropout: shares of all sizes, and never nobody."""

import numpy as np

from metabench.seeds import root_key
from metabench.tracks.statistician.fitting import some


def test_shares_of_all_sizes_stay():
    stay = np.asarray(some(root_key(0), 2000, 50))
    assert set(np.unique(stay)) == {0, 1}
    assert stay.sum(1).min() >= 1
    share = stay[:, 1:].mean(1)  # the first always stays
    np.testing.assert_allclose(np.quantile(share, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.04)
    # Which members stay says nothing about where they are.
    np.testing.assert_allclose(stay[:, 1:].mean(0), 0.5, atol=0.06)
