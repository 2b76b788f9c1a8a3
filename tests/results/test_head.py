"""Documents of every track share a head, and those of earlier versions are read."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from metabench.errors import UserError
from metabench.results import schemas
from metabench.results.document import from_json as few_shot
from metabench.results.document import to_json
from metabench.results.head import HEAD, TRACKS, head_of, loaded, read
from tests.made_up_result import DATASET, EPISODES, SPLIT, made_up

BOARDS = Path(__file__).parents[2] / "leaderboards"
OTHERS = sorted(
    path
    for track in ("forecast", "optimizers", "causal")
    for path in BOARDS.glob(f"{track}/*/*.json")
)


@pytest.mark.parametrize("place", [HEAD, *(track.schema for track in TRACKS.values())])
def test_the_schemas_are_of_the_draft_that_they_name(place):
    found = schemas.schema(place)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(found)


def test_every_track_takes_what_the_head_requires():
    wanted = set(schemas.schema(HEAD)["required"])
    for track in TRACKS.values():
        assert wanted <= set(schemas.schema(track.schema)["properties"])


def test_the_head_of_a_few_shot_result():
    found = head_of(loaded(to_json(made_up("protonet", (10, 8, 10, 8), (9, 9, 9, 9)))))
    assert (found.track, found.learner, found.seeds) == ("fewshot", "protonet", (0, 1))
    assert found.protocol == "strokes-alphabets-2way-1shot-5query-4episodes-v2"
    assert found.digests == {
        "dataset_digest": DATASET, "split_digest": SPLIT, "episode_digest": EPISODES,
    }  # fmt: skip


def test_seeds_that_are_not_those_of_the_runs_are_refused():
    document = json.loads(to_json(made_up())) | {"seeds": [3]}
    with pytest.raises(UserError, match=r"seeds must be those of the runs, \[0\]"):
        few_shot(json.dumps(document))


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_committed_results_of_other_tracks_are_read(path):
    found = head_of(read(path))
    assert found.track in str(path)
    assert found.command.startswith("metabench ")
    with pytest.raises(UserError, match=f"of the track {found.track}, not of few-shot"):
        few_shot(path.read_text())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"track": "chess"}, "track: 'chess' is not one of"),
        ({"track": ["fewshot"]}, "track: "),
        ({"schema_version": 99}, "has `schema_version` 99, but this metabench reads 3"),
        ({"schema_version": "3"}, "has `schema_version` '3'"),
        ({"seeds": []}, "seeds: "),
        ({"seeds": [0.5]}, "seeds/0: "),
    ],
)
def test_what_is_wrong_in_the_head_is_named(changes, said):
    document = json.loads(to_json(made_up())) | changes
    with pytest.raises(UserError, match=said):
        loaded(json.dumps(document), "mine.json")


@pytest.mark.parametrize("text", ["[]", "3", "null", '"text"', "{}", '{"kind": "optimizer"}'])
def test_json_that_is_no_document_is_refused(text):
    with pytest.raises(UserError, match="is not a result file"):
        loaded(text, "mine.json")
