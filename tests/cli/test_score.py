"""``quotewire score``."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quotewire.lines import extraction_to_line
from quotewire.types import Article
from tests.cli.conftest import Run, one_line
from tests.fakes import fake_extractor

LINES = [
    b'{"id": "a", "text": "Ann Lee told Reuters the road is shut.", "desk": "roads"}',
    b"{broken",
    b'{"id": "c"}',
    b'{"id": "d", "text": 5}',
    b'{"id": "e", "text": "caf\xe9"}',
    b"",
    b'{"id": "f", "text": ""}',
    b'{"id": "g", "text": "Bob wants a bridge."}',
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\n".join(LINES) + b"\n")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_line_is_answered_in_order_and_bad_ones_carry_their_error(
    run: Run, source: Path, out: Path
) -> None:
    result = run("score", "--workers", "0", source, "--out", out)
    assert result.exit_code == 3
    lines = read(out)
    assert [line["id"] for line in lines] == ["a", None, "c", "d", "e", "f", "g"]
    errors = [line["error"] for line in lines]
    assert [bool(error) for error in errors] == [False, True, True, True, True, False, False]
    for error, word in zip(errors[1:5], ["not JSON", "text", "int", "0xe9"], strict=True):
        assert isinstance(error, str) and word in error
    assert f"{source}:2: not JSON" in result.stderr
    assert "3 articles" in result.stderr and "dead letters: 4" in result.stderr
    assert result.stdout == ""
    letters = read(out.parent / "out.jsonl.run" / "dead_letters.jsonl")
    assert [(letter["line"], letter["reason"]) for letter in letters] == [
        (2, "syntax"),
        (3, "missing"),
        (4, "type"),
        (5, "encoding"),
    ]
    assert {letter["file"] for letter in letters} == {str(source)}


def test_an_answered_line_is_the_extractor_s_own(run: Run, source: Path, out: Path) -> None:
    run("score", "--workers", "0", source, "--out", out, "--acts", "all")
    text = "Ann Lee told Reuters the road is shut."
    article = Article(id="a", text=text, meta={"desk": "roads"})
    lines = read(out)
    assert lines[0] == extraction_to_line(article, fake_extractor().extract(article))
    assert [s["act"] for s in lines[-1]["statements"]] == ["attitude"]  # type: ignore[index,attr-defined]


def test_a_run_without_bad_lines_ends_with_0(run: Run, tmp_path: Path, out: Path) -> None:
    (tmp_path / "good.jsonl").write_bytes(LINES[0] + b"\n")
    assert run("score", "--workers", "0", tmp_path / "good.jsonl", "--out", out).exit_code == 0


def test_several_inputs_and_gzip(run: Run, source: Path, tmp_path: Path, out: Path) -> None:
    packed = tmp_path / "more.jsonl.gz"
    packed.write_bytes(gzip.compress(LINES[0] + b"\n" + LINES[7] + b"\n"))
    run("score", "--workers", "0", packed, source, "--out", out)
    assert [line["id"] for line in read(out)][:3] == ["a", "g", "a"]


def test_an_empty_input_gives_an_empty_output(run: Run, tmp_path: Path, out: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    assert run("score", "--workers", "0", tmp_path / "empty.jsonl", "--out", out).exit_code == 0
    assert out.read_bytes() == b""


def test_few_of_many_problems_are_named(run: Run, tmp_path: Path, out: Path) -> None:
    (tmp_path / "bad.jsonl").write_bytes(b"{\n" * 500)
    result = run("score", "--workers", "0", tmp_path / "bad.jsonl", "--out", out)
    assert result.exit_code == 3
    assert len(result.stderr.splitlines()) < 20
    assert len(read(out)) == 500


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.binary(max_size=30)
        | JSON.map(lambda value: json.dumps(value).encode())
        | st.dictionaries(st.sampled_from(["id", "text", "title", "more"]), JSON).map(
            lambda value: json.dumps(value).encode()
        ),
        max_size=6,
    )
)
def test_whatever_stands_in_a_file_each_line_is_answered(
    run: Run, tmp_path: Path, out: Path, lines: list[bytes]
) -> None:
    data = b"\n".join(lines)
    (tmp_path / "any.jsonl").write_bytes(b"\n" + data)
    result = run("score", "--restart", "--workers", "0", tmp_path / "any.jsonl", "--out", out)
    assert result.exit_code in (0, 3), result.output
    assert len(read(out)) == sum(bool(line.strip()) for line in data.split(b"\n"))


def test_the_examples_can_be_scored(run: Run, examples: Path, out: Path) -> None:
    assert run("score", "--workers", "0", examples / "articles.jsonl", "--out", out).exit_code == 0
    assert [line["language"] for line in read(out)] == ["en", "en", "en", "en", "de"]
    assert read(out)[2]["meta"] == {"desk": "courts"}


def test_an_older_output_stays_until_the_new_one_is_whole(
    run: Run, source: Path, tmp_path: Path, out: Path
) -> None:
    out.write_text("old\n")
    assert (
        run("score", "--workers", "0", source, "--out", out, "--model", "nonesuch").exit_code == 2
    )
    assert out.read_text() == "old\n"
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out.jsonl"}
    run("score", "--workers", "0", source, "--out", out)
    assert len(read(out)) == 7


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.jsonl", "--out", "out.jsonl"], "nowhere.jsonl"),
        (["in.jsonl", "--out", "no/out.jsonl"], "the folder"),
        (["in.jsonl", "--out", "."], "is not empty"),
        (["in.jsonl", "--out", "in.jsonl/x"], "does not exist"),
        (["in.jsonl", "--out", "s3://bucket/out"], "local path"),
        (["in.jsonl", "--out", "/dev/null"], "is no folder"),
        (["in.jsonl", "--out", "in.jsonl"], "is an input, too"),
        (["in.jsonl"], "--out"),
        (["--out", "out.jsonl"], "INPUT"),
        (["in.jsonl", "--out", "out.jsonl", "--field", "body"], "NAME=COLUMN"),
        (["in.jsonl", "--out", "out.jsonl", "--field", "text="], "NAME=COLUMN"),
        (["in.jsonl", "--out", "out.jsonl", "--address", "auto"], "--engine ray"),
        (["in.jsonl", "--out", "out.jsonl", "--engine", "ray", "--workers", "0"], "Ray needs one"),
        (["in.jsonl", "in.jsonl", "--out", "out.jsonl"], "twice"),
        ([".", "--out", "out.jsonl"], "lies in the input"),
        (["in.jsonl", "--out", "out.jsonl", "--acts", "some"], "--acts"),
    ],
)
def test_wrong_usage(
    run: Run,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(source.parent)
    before = source.read_bytes()
    result = run("score", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr and "Traceback" not in result.stderr
    assert source.read_bytes() == before


def test_an_unknown_model(run: Run, source: Path, out: Path) -> None:
    result = run("score", "--workers", "0", source, "--out", out, "--model", "nonesuch")
    assert one_line(result) == "quotewire: model 'nonesuch' not found; known: fake"


def test_fields_may_have_other_names(run: Run, tmp_path: Path, out: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"url": "u", "body": "Ann said it is shut.", "id": 5}\n')
    result = run(
        "score", "--workers", "0", tmp_path / "in.jsonl", "--out", out,
        "--field", "id=url", "--field", "text=body",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    [line] = read(out)
    assert line["id"] == "u" and len(line["statements"]) == 1  # type: ignore[arg-type]


def test_progress_as_json_lines(run: Run, source: Path, out: Path) -> None:
    result = run("score", "--workers", "0", source, "--out", out, "--json-progress")
    *progress, finished = [json.loads(line) for line in result.stdout.splitlines()]
    assert {line["event"] for line in progress} == {"progress"}
    last = progress[-1]
    assert (last["articles"], last["of"], last["dead_letters"]) == (7, 7, 4)
    assert last["articles_per_s"] > 0 and last["tokens_per_s"] > 0 and last["eta_s"] == 0
    assert finished == {
        "event": "finished",
        "out": str(out),
        "articles": 7,
        "answered": 3,
        "copies": 0,
        "statements": 1,
        "dead_letters": 4,
    }


def test_a_finished_run_is_left_alone_and_other_settings_are_refused(
    run: Run, source: Path, out: Path
) -> None:
    command = ["score", "--workers", "0", source, "--out", out]
    assert run(*command).exit_code == 3
    before = out.stat()
    again = run(*command)
    assert again.exit_code == 3 and "nothing to do" in again.stderr
    assert (out.stat().st_mtime_ns, out.stat().st_ino) == (before.st_mtime_ns, before.st_ino)

    refused = run(*command, "--acts", "all")
    assert refused.exit_code == 2
    assert "--acts was statements, now all" in one_line(refused) and "--restart" in refused.stderr
    assert out.stat().st_mtime_ns == before.st_mtime_ns

    assert run(*command, "--acts", "all", "--restart").exit_code == 3
    assert len(read(out)[-1]["statements"]) == 1  # type: ignore[arg-type]


def test_a_changed_input_is_refused(run: Run, source: Path, out: Path) -> None:
    command = ["score", "--workers", "0", source, "--out", out]
    run(*command)
    source.write_bytes(b"\n".join(LINES[:1]))
    refused = run(*command)
    assert refused.exit_code == 2
    assert f"the input {source} has changed since" in one_line(refused)
    assert run(*command, "--restart").exit_code == 0
    assert len(read(out)) == 1


def test_a_changed_output_is_refused_and_a_missing_one_made_again(
    run: Run, source: Path, out: Path
) -> None:
    command = ["score", "--workers", "0", source, "--out", out]
    run(*command)
    whole = out.read_bytes()
    out.write_bytes(whole[:-5])
    refused = run(*command)
    assert refused.exit_code == 2 and "somebody changed it" in one_line(refused)
    out.unlink()
    run(*command)
    assert out.read_bytes() == whole


def test_a_folder_with_other_things_in_it_is_left_alone(
    run: Run, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    for more in ([], ["--restart"]):
        refused = run("score", "--workers", "0", source, "--out", tmp_path / "mine", *more)
        assert refused.exit_code == 2 and "is not empty" in one_line(refused)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_duplicates_are_scored_once(run: Run, tmp_path: Path, out: Path) -> None:
    story = "Ann Lee told Reuters the road to the harbour is shut until the bridge is mended again."
    texts = [story, "Bob said the bridge is old.", story.upper() + " "]
    (tmp_path / "in.jsonl").write_text(
        "".join(json.dumps({"id": str(n), "text": text}) + "\n" for n, text in enumerate(texts))
    )
    command = ["score", "--workers", "0", tmp_path / "in.jsonl", "--out", out]
    assert run(*command, "--duplicates", "once").exit_code == 0
    lines = read(out)
    assert [line.get("duplicate_of") for line in lines] == [None, None, "0"]
    assert [len(line["statements"]) for line in lines] == [1, 1, 0]  # type: ignore[arg-type]
    assert run(*command, "--duplicates", "mark", "--restart").exit_code == 0
    lines = read(out)
    assert [line.get("duplicate_of") for line in lines] == [None, None, "0"]
    assert lines[2].keys() == lines[0].keys() | {"duplicate_of", "similarity"}
