"""A result by its file or its name."""

from dataclasses import replace

import pytest

from metabench.errors import UserError
from metabench.results.chosen import chosen
from metabench.results.document import default_path, write
from metabench.results.status import signed
from tests.made_up_result import made_up

RESULT = made_up("protonet")
ID = RESULT.protocol.id


@pytest.fixture
def folder(tmp_path):
    write(RESULT, default_path(RESULT, tmp_path))
    for width in (1, 2):
        result = made_up("maml", hyperparameters={"width": width})
        write(result, tmp_path / ID / f"maml-{width}.json")
    (tmp_path / ID / "odd.json").write_text("{}")
    return tmp_path


def test_what_names_a_result(folder):
    assert chosen(RESULT) is RESULT
    assert chosen(default_path(RESULT, folder)) == RESULT
    assert chosen(f"{ID}/protonet", folder) == RESULT
    assert chosen(f"{ID}/maml-2", folder).hyperparameters == {"width": 2}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (f"{ID}/maml", "has 2 results; name one of them in place of the learner: maml-1, maml-2"),
        (f"{ID}/protonets", r"did you mean `protonet`\?\); there are of: maml, protonet"),
        (f"{ID}x/maml", f"has no results of protocol `{ID}x` .did you mean `{ID}`"),
        ("maml", "is no result file and no name; names are PROTOCOL/LEARNER"),
        ("there/is/none.json", "none.json cannot be read"),
        (f"{ID}/odd", "odd.json is not a result file"),
    ],
)
def test_what_is_not_there_is_one_sentence(folder, name, sentence):
    with pytest.raises(UserError, match=sentence):
        chosen(name, folder)


def test_a_doubtful_file_is_refused(folder):
    who = {"who": "A", "when": "2026", "where": "here", "tasks": 4}
    changed = replace(signed(RESULT, "replayed", **who), parameter_count=1)
    write(changed, folder / ID / "changed.json")
    with pytest.raises(UserError, match=r"changed.json was changed after A signed it"):
        chosen(f"{ID}/changed", folder)
