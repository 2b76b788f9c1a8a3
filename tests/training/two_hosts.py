"""A training on two hosts, which are processes of this machine, of a learner that compiles at once.

A process runs `python -m tests.training.two_hosts FOLDER PAUSE PORT HOST`, and prints the counts of
the test tasks and the weights after the training as JSON in its last line.
"""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp

from metabench.compute.devices import here
from metabench.compute.episodewise import over_episodes
from metabench.compute.hosts import Group, together
from metabench.contracts.learner import EpisodeLearner, Training
from metabench.files.progress import say
from metabench.scoring.episodes import evaluate
from metabench.training.checkpoints import opened
from metabench.training.lengths import Lengths
from metabench.training.meta_training import accuracy_on, meta_train
from metabench.types import EpisodeShape
from tests.places import ROOT
from tests.training.made_up import make_table

SHAPE = EpisodeShape(way=3, shot=1, query=2, image=(4, 4, 1))
PLAN = Lengths(steps=8, batch=3, validate_every=2, validation_episodes=5, chunk=1)


def linear(pause):
    """Prototypes over one linear layer; each step takes `pause` seconds more."""

    def init(key):
        return {"params": jax.random.normal(key, (16, 5)), "step": jnp.int32(0)}

    def features(weights, images):
        return (images.reshape(images.shape[0], -1) / 255.0) @ weights

    def adapt(state, x, y, key):
        return state["params"], jnp.zeros((3, 5)).at[y].add(features(state["params"], x))

    def predict(task, x):
        weights, prototypes = task
        return -jnp.square(features(weights, x)[:, None] - prototypes[None]).sum(-1)

    def loss(weights, episode):
        task = adapt({"params": weights}, episode.support_x, episode.support_y, None)
        scores = jax.nn.log_softmax(predict(task, episode.query_x))
        return -jnp.take_along_axis(scores, episode.query_y[:, None], axis=1).mean()

    def step(state, episodes, key):
        if pause:
            jax.debug.callback(lambda: time.sleep(pause))
        losses, slopes = over_episodes(jax.value_and_grad(loss), state["params"])(episodes)
        weights = state["params"] - 0.05 * slopes.mean(0)
        return {"params": weights, "step": state["step"] + 1}, {"loss": losses.mean()}

    return EpisodeLearner(init, adapt, predict, Training(step, spread=True))


def outcome(folder, pause=0.0):
    """Counts of the test tasks and the last weights, after a training in `folder` that resumes."""
    learner, table = linear(pause), make_table(0)
    with opened(folder, True, lambda text: None) as checkpoints:
        validate = accuracy_on(learner, make_table(1), SHAPE, PLAN.validation_episodes)
        trained = meta_train(learner, SHAPE, table, validate, PLAN, seed=0, checkpoints=checkpoints)
    last = trained.selected("last").state
    counts = evaluate(learner, last, table, SHAPE, seed=3, episodes=11)
    return [counts.tolist(), last["params"].tolist(), len(here())]


def start(folder, pause):
    """Both hosts as processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "tests.training.two_hosts", str(folder), str(pause), str(port)]
    return [
        subprocess.Popen(
            [*words, str(host)],
            env=os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for host in range(2)
    ]


if __name__ == "__main__":
    directory, slow, at, number = sys.argv[1:]
    with together(Group(f"127.0.0.1:{at}", 2, int(number)), say):
        print(json.dumps(outcome(Path(directory), float(slow))), flush=True)
