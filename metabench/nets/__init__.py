"""Networks: Flax NNX modules and the operations that they are made of."""
