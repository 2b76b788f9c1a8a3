"""What learned optimizers are trained and measured on: problems with a loss. No optimizer."""
