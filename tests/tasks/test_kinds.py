"""Images without labels: a pure function of key and index, all equally likely."""

import jax.numpy as jnp
import numpy as np
from scipy.stats import chisquare

from metabench.seeds import root_key
from metabench.tasks.kinds import sample_images, sample_tasks
from metabench.types import ClassTable, ImagesShape

IMAGES = 30
TABLE = ClassTable(
    images=jnp.arange(IMAGES, dtype=jnp.uint8)[:, None, None, None],
    members=jnp.arange(IMAGES, dtype=jnp.int32).reshape(3, 10),
    counts=jnp.full(3, 10, jnp.int32),
    class_ids=jnp.arange(3, dtype=jnp.int32),
)


def test_a_batch_is_the_same_alone_and_among_others():
    shape = ImagesShape(7, (1, 1, 1))
    many = sample_tasks(root_key(0), jnp.arange(5), TABLE, shape)
    assert many.shape == (5, 7, 1, 1, 1)
    assert many.dtype == jnp.uint8
    alone = sample_tasks(root_key(0), jnp.array([3]), TABLE, shape)
    np.testing.assert_array_equal(alone[0], many[3])
    assert len(np.unique(many.reshape(5, -1), axis=0)) == 5


def test_all_images_are_equally_likely():
    drawn = sample_images(root_key(1), jnp.arange(300), TABLE, 100).reshape(-1)
    assert chisquare(np.bincount(drawn, minlength=IMAGES)).pvalue > 1e-4


def test_labels_are_not_read():
    other = TABLE._replace(members=TABLE.members[::-1, :5], counts=TABLE.counts // 2)
    pair = (sample_images(root_key(2), jnp.arange(4), table, 9) for table in (TABLE, other))
    np.testing.assert_array_equal(*pair)
