"""`metabench runs clean`, and what it says."""

from pathlib import Path


def test_clean_says_what_it_removed_and_what_it_kept(metabench):
    for name in ("runs/a/seed0/5", "runs/a/seed0.previous/5", "runs/a/seed1.previous/5"):
        Path(name).mkdir(parents=True)
    Path("runs/a/seed0.lock").touch()
    outcome = metabench("runs", "clean")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        "removed: runs/a/seed0.previous",
        "removed: runs/a/seed0.lock",
        "kept, the newer training has no checkpoint yet: runs/a/seed1.previous",
    ]
    again = metabench("runs", "clean", "--run-dir", "runs/a/seed0")
    assert (again.code, again.out) == (0, "nothing to remove in runs/a/seed0\n")
    assert Path("runs/a/seed0/5").is_dir()


def test_a_folder_that_is_not_there_is_one_sentence(metabench):
    outcome = metabench("runs", "clean", "--run-dir", "absent")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "error: `run_dir` absent is not there; name the folder of your runs\n"
