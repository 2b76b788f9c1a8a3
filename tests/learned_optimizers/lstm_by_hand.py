"""The coordinatewise LSTM in plain numpy and float64, one coordinate after another."""

import numpy as np

P = 10.0


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def two(x):
    large = abs(x) >= np.exp(-P)
    return np.array([np.log(abs(x)) / P, np.sign(x)] if large else [-1.0, np.exp(P) * x])


def plain(weights):
    """Arrays of float64: [(kernel, bias), …], output, output bias."""
    layers = [(np.float64(layer.kernel), np.float64(layer.bias)) for layer in weights.layers]
    return layers, np.float64(weights.output), float(weights.output_bias)


def start(weights):
    units = len(weights[1])
    return [(np.zeros(units), np.zeros(units)) for _ in weights[0]]


def step(weights, state, gradient):
    """What the LSTM says of one coordinate, and its new state."""
    layers, output, bias = weights
    x, after, units = two(gradient), [], len(output)
    for (kernel, own), (hidden, cell) in zip(layers, state, strict=True):
        a = kernel @ np.concatenate([x, hidden]) + own
        admit, forget, new, said = (a[k * units : (k + 1) * units] for k in range(4))
        cell = sigmoid(forget) * cell + sigmoid(admit) * np.tanh(new)
        x = sigmoid(said) * np.tanh(cell)
        after.append((x, cell))
    return float(output @ x + bias), after
