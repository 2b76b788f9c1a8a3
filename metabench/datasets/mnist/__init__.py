"""MNIST, to test on after another dataset."""
