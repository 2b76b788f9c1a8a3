"""Networks: Flax NNX modules and the operations under them. The only folder that imports flax."""
