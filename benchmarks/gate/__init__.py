"""The gate of accuracies: what its baseline is made of, and how often it errs."""
