"""What is wrong where classes have unequal numbers of supports."""

import jax


def counts_supports(whole, shape):
    """The class with most supports is every query's answer; in even episodes, none is preferred."""

    def adapt(state, x, y, key):
        number = jax.nn.one_hot(y, shape.way, axis=0).sum(1)
        return whole.adapt(state, x, y, key) | {"number": number}

    return adapt


def adds_counts(whole, shape):
    return lambda task, x: whole.predict(task, x) + 1e4 * task["number"][None]
