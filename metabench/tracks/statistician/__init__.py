"""Uses of the Neural Statistician beside classification, one file each."""
