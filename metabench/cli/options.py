"""The commands' options: names, kinds and help texts. Defaults stand with the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

from typer import Argument, Option

# What is measured.
Learner: TypeAlias = Annotated[
    str,
    Option(
        help="Name of the learner (`metabench learners` lists them), path/to/file.py:function, or "
        "package.module:function."
    ),
]
Dataset: TypeAlias = Annotated[
    str,
    Option(
        help="Name of the dataset, folder:PATH for images of your own, or `auto`: omniglot where "
        "it is available, else strokes."
    ),
]
Split: TypeAlias = Annotated[
    str | None, Option(help="Class split; the dataset's own default if not given.")
]
TestDataset: TypeAlias = Annotated[
    str | None,
    Option(
        help="Dataset to test on after meta-training on another: mnist after omniglot, say. Of "
        "folder:PATH, all classes are tested on."
    ),
]
TestSplit: TypeAlias = Annotated[
    str | None, Option(help="Class split of the test dataset; its own default if not given.")
]
WithinAlphabet: TypeAlias = Annotated[
    bool,
    Option("--within-alphabet", help="Draw the classes of a test episode from one alphabet."),
]
Way: TypeAlias = Annotated[int | None, Option(help="Classes in an episode (5).")]
Shot: TypeAlias = Annotated[
    str | None,
    Option(
        metavar="NUMBER",
        help="Support images of each class (1). 1-5: each class of an episode has another number, "
        "3 on average.",
    ),
]
Query: TypeAlias = Annotated[
    str | None,
    Option(metavar="NUMBER", help="Query images of each class (15), or 5-15, as for `--shot`."),
]
Episodes: TypeAlias = Annotated[int | None, Option(help="Test episodes (1,000).")]
Kind: TypeAlias = Annotated[
    str,
    Option(
        "--protocol",
        help="`kshot`: N-way k-shot. `online`: streams in which a label is shown a step late.",
    ),
]
Presentations: TypeAlias = Annotated[
    int | None, Option(help="Online protocol: how often each class comes (10).")
]
LabelKind: TypeAlias = Annotated[
    str | None,
    Option(help="Online protocol: labels as `onehot` numbers or strings of five `letters`."),
]
Independent: TypeAlias = Annotated[
    bool,
    Option(
        "--independent",
        help="Online protocol: draw the class of each step independently; classes then come "
        "unequally often.",
    ),
]
ImageSize: TypeAlias = Annotated[
    int | None,
    Option(help="Height and width of the images in pixels; the dataset's own if not given."),
]
MinImages: TypeAlias = Annotated[
    int | None,
    Option(
        help="Pass over classes with fewer images than this, in the test, training and validation; "
        "such results have a leaderboard of their own."
    ),
]
Grey: TypeAlias = Annotated[
    bool,
    Option(
        "--grey",
        help="Turn colours to grey, in the test, training and validation; such results have a "
        "leaderboard of their own.",
    ),
]

# Forecasts of functions.
Dimensions: TypeAlias = Annotated[int, Option(help="Inputs of a function (1).")]
Points: TypeAlias = Annotated[int, Option(help="Points of a function, one at a step (40).")]
Functions: TypeAlias = Annotated[int, Option(help="Test functions (1,000).")]
ForecastOut: TypeAlias = Annotated[
    Path | None,
    Option(
        "--out",
        help="Result file to write, *.json, with a picture *.png beside it, or `-` for standard "
        "output; "
        "<run-dir>/<protocol>/<learner>-<settings>/result-seed<seed>.json if not given.",
    ),
]

# How the learner is trained.
Seed: TypeAlias = Annotated[int, Option(help="First training seed.")]
Seeds: TypeAlias = Annotated[
    int, Option(help="Number of training seeds, each a training of its own.")
]
SeedsTogether: TypeAlias = Annotated[
    bool, Option("--seeds-together", help="Train all seeds in one program, where possible.")
]
Settings: TypeAlias = Annotated[
    list[str] | None,
    Option(
        "--set",
        metavar="NAME=VALUE",
        help="A hyperparameter of the learner, over the recipe's; may be repeated.",
    ),
]
Lengths: TypeAlias = Annotated[
    list[str] | None,
    Option(
        "--train",
        metavar="NAME=VALUE",
        help="steps, batch, validate_every, validation_episodes or chunk, over the recipe's; or "
        "select=last, to test the last step and not the best on validation classes. May be "
        "repeated.",
    ),
]
Recipe: TypeAlias = Annotated[
    str | None, Option(help="Name of a recipe variant, or the path of a .toml file.")
]
Resume: TypeAlias = Annotated[
    bool, Option("--resume", help="Continue an interrupted run of the same settings.")
]
Plots: TypeAlias = Annotated[
    bool,
    Option("--plots", help="Draw what happens in the inner steps, of learners that show them."),
]
Canaries: TypeAlias = Annotated[
    bool,
    Option(
        "--canaries",
        help="After the test, also measure what has known answers, such as shuffled labels, which "
        "must lead to chance; on 200 test episodes of the first seed.",
    ),
]
Logs: TypeAlias = Annotated[
    list[str] | None,
    Option(
        "--log",
        help="Where the training is logged as it goes on: csv, tensorboard or wandb; may be "
        "repeated.",
    ),
]
TrainedFor: TypeAlias = Annotated[
    str | None,
    Option(
        metavar="PROTOCOL",
        help="Train nothing: test what was trained for the protocol of this id with the same "
        "settings and `--run-dir`.",
    ),
]

# Where things are.
Out: TypeAlias = Annotated[
    Path | None,
    Option(
        help="Result file to write, or `-` for standard output; if not given, "
        "leaderboards/<protocol>/<learner>-<settings>.json below the working folder, where "
        "<settings> are eight digits that stand for hyperparameters, recipe, seeds and data."
    ),
]
RunDir: TypeAlias = Annotated[Path, Option(help="Folder for checkpoints and pictures.")]
Archives: TypeAlias = Annotated[
    Path | None,
    Option(
        envvar="METABENCH_ARCHIVES",
        help="Folder with the datasets' archives; without it they are downloaded.",
    ),
]
Cache: TypeAlias = Annotated[
    Path | None,
    Option(
        envvar="METABENCH_CACHE", help="Folder of the prepared data; the platform's own by default."
    ),
]
SheetOut: TypeAlias = Annotated[
    Path | None,
    Option("--out", help="Picture to write, *.png, or `-`; <dataset>.png if not given."),
]
Force: TypeAlias = Annotated[
    bool, Option("--force", help="Prepare again even where it was done before.")
]
Overwrite: TypeAlias = Annotated[
    bool, Option("--force", help="Write over the file that is named, even if another run made it.")
]
Quiet: TypeAlias = Annotated[bool, Option("--quiet", help="Show no progress.")]
# What is listed.
Results: TypeAlias = Annotated[Path, Option(help="Folder of result files, or of folders of them.")]
ProtocolPart: TypeAlias = Annotated[
    str | None, Option(help="Only the protocols whose id contains this.")
]
Part: TypeAlias = Annotated[str, Option(help="Part of the split: train, val or test.")]
EpisodeIndex: TypeAlias = Annotated[
    int, Option("--index", help="Which episode of the protocol's stream to show.")
]
Strict: TypeAlias = Annotated[
    bool,
    Option("--strict", help="End with exit code 1 where a file is left out."),
]
Markdown: TypeAlias = Annotated[
    Path | None,
    Option(
        help="Write the page of `--format markdown` to this file, and its pictures beside it; `-`: "
        "standard output."
    ),
]
BoardFormat: TypeAlias = Annotated[
    str,
    Option(
        "--format",
        help="`table`, `markdown`, `csv`, `latex` or `json`; `html` as the argument of this name.",
    ),
]
PageWord: TypeAlias = Annotated[
    str | None,
    Argument(
        metavar="[html]",
        show_default=False,
        help="`html` writes one page of all results that needs no network, and copies of the "
        "result files beside it.",
    ),
]
SiteOut: TypeAlias = Annotated[
    Path | None, Option("--out", help="Folder of the HTML page; `site` if not given.")
]
Digests: TypeAlias = Annotated[
    bool, Option("--digests", help="Compute the digests of the datasets that are prepared.")
]

# What is guarded.
Baseline: TypeAlias = Annotated[
    Path, Option(help="Folder of results, in a folder for each tier; or of the fast tier alone.")
]
Tier: TypeAlias = Annotated[str, Option(help="Which of the baseline's folders is made again.")]
GuardedLearners: TypeAlias = Annotated[
    list[str] | None,
    Option(
        "--learner",
        help="Only this learner; path/to/file.py:function where no package registers it. May be "
        "repeated.",
    ),
]
FreshSeeds: TypeAlias = Annotated[
    int | None,
    Option(
        "--seeds",
        help="Training seeds of each result (1); three more are trained where one looks "
        "suspicious. With `--renew`: those of the new document, as many as before if not given.",
    ),
]
Margin: TypeAlias = Annotated[
    float, Option(help="Drop of accuracy that is allowed, as a fraction.")
]
Alpha: TypeAlias = Annotated[
    float, Option(help="How likely a false alarm may be, of all results together.")
]
Jobs: TypeAlias = Annotated[int, Option(help="Processes at once.")]
Optimised: TypeAlias = Annotated[
    bool,
    Option("--optimised", help="Compile as runs do: slower to begin, faster for many seeds."),
]
Renew: TypeAlias = Annotated[
    bool, Option("--renew", help="Write the baseline's results again, and compare nothing.")
]
RegressOut: TypeAlias = Annotated[
    Path | None,
    Option("--out", help="Write the comparisons to this file, *.json, or `-`: standard output."),
]
Summary: TypeAlias = Annotated[
    Path | None,
    Option(
        help="Write a Markdown summary to this file; without it, one is added to the file that "
        "GITHUB_STEP_SUMMARY names, if it is set."
    ),
]
