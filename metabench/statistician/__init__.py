"""Uses of the Neural Statistician beside classification: one file for each. No pictures, no I/O."""
