"""MNIST, for the test after training on another dataset."""
