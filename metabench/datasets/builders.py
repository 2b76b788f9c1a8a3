"""Registers a TFDS builder for every dataset of encoded images, also those of other packages.

After `import metabench.datasets.builders`, `tfds.builder("mini_imagenet",
file_format="array_record")` works as with TFDS's own datasets. If TFDS has a dataset
of the same name, ours gets another one: `omniglot_metabench`, `mnist_metabench`.
"""

from __future__ import annotations

from metabench import registry
from metabench.data.tfds_records import Builder, builder_class, builder_name

BUILDERS: dict[str, type[Builder]] = {
    builder_name(spec): builder_class(spec, register=True)
    for spec in map(registry.dataset, registry.names("datasets"))
    if spec.records is not None
}
