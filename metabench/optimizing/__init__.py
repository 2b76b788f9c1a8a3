"""The optimizer track: meta-training, tuned baselines, paired evaluation. Prints nothing."""
