"""What a command says that always continues."""

from metabench.training.watcher import Watcher, always_resuming


def test_an_option_that_a_command_does_not_have_is_not_spoken_of():
    notes = []
    watcher = always_resuming(Watcher(note=notes.append))
    watcher.note("`--resume` finds no checkpoint")
    watcher.note("seed 0: first autoencoder, on which it builds")
    assert notes == ["seed 0: first autoencoder, on which it builds"]
