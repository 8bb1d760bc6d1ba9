"""Our labels of intermediaries, addressees and nested statements, from the file to the loss."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from quotewire.errors import InputError
from quotewire.extraction.model_folder import RANGES, known_models, load_model
from quotewire.extraction.network import ROLES, Network, NetworkConfig
from quotewire.training.command import read_config, train
from quotewire.training.corpus import RELAYS, WHOLE, Attribution, LabelledArticle, read_polnear
from quotewire.training.examples import align, make_batch, random_windows
from quotewire.training.loss import Teacher, losses
from quotewire.training.start import start_from
from quotewire.types import Span
from tests.fakes import fake_tokenizer
from tests.training.tiny import article, write_base, write_config, write_corpus

BASE_SEED = 5


def write_relays(folder: Path, *, known: int) -> Path:
    """Labels of article train0; the corpus's own layer keeps its first ``known`` articles."""
    layer = folder / "train_full_layer.jsonl.gz"
    with gzip.open(layer, "rt", encoding="utf-8") as lines:
        rows = list(lines)
    with gzip.open(layer, "wt", encoding="utf-8") as out:
        out.writelines(rows[len(rows) - known :])
    _, statements = article(0)
    inner = statements[1]
    row = {
        "id": "train0",
        "labels": [
            {
                "attribution": 0,
                "intermediary": statements[0]["intermediary"],
                "intermediary_kind": "outlet",
                "addressee": None,
            }
        ],
        "nested": [
            {key: inner[key] for key in ("source", "cue", "content")}
            | {"inside": 0, "intermediary": None, "intermediary_kind": None}
        ],
    }
    path = folder / "relays.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return path


def test_an_article_of_the_file_has_its_relays_and_nested_statements_known(tmp_path: Path) -> None:
    relays = write_relays(write_corpus(tmp_path, articles=3), known=1)
    first, second, third = read_polnear(tmp_path, "train", relays=relays)
    assert (first.layer, third.layer) == (RELAYS, WHOLE)
    assert first.nested_known and not second.nested_known
    assert all(each.relays_known for each in first.attributions)
    assert not any(each.relays_known for each in second.attributions)
    told, *others = first.attributions
    assert told.intermediary is not None and told.intermediary.slice(first.text) == "Reuters"
    assert (told.intermediary_kind, told.act) == ("outlet", None)
    assert all(other.intermediary is None for other in others)
    assert [other.nested for other in others] == [False] * 5 + [True]
    # The file is of the training part alone.
    assert {each.layer for each in read_polnear(tmp_path, "dev", relays=relays)} == {WHOLE}
    with pytest.raises(InputError, match=r"relays: got .*nowhere\.jsonl"):
        read_polnear(tmp_path, "train", relays=tmp_path / "nowhere.jsonl")


def test_training_reads_the_file_and_writes_the_ranges(tmp_path: Path) -> None:
    data = write_corpus(tmp_path / "data", articles=3)
    relays = write_relays(data, known=1)
    base = write_base(tmp_path / "base")
    path = write_config(tmp_path / "c.toml", base=base, data=data, epochs=1)
    path.write_text(f'relays = "{relays}"\n' + path.read_text())
    list(train(read_config(path)))
    loaded = load_model(str(tmp_path / "out"))
    assert loaded.ranges is not None and (tmp_path / "out" / RANGES).is_file()
    path.write_text(path.read_text().replace(str(relays), str(tmp_path / "nowhere.jsonl")))
    with pytest.raises(InputError, match="relays"):
        list(train(read_config(path)))


def test_labels_are_no_model() -> None:
    assert "labels" not in known_models()


def test_a_teacher_has_no_say_in_who_relays(tmp_path: Path) -> None:
    """The loss over source and content moves with the teacher's trust, that over intermediary and
    addressee does not."""
    config = NetworkConfig(look_width=16, look_feedforward=16, dropout=0.0)
    torch.manual_seed(BASE_SEED)
    student, other = (
        start_from(str(write_base(tmp_path / name)), layers=(), network=config).network.eval()
        for name in ("a", "b")
    )
    text = "Ann told Reuters taxes need more."
    label = Attribution(
        cue=Span(4, 8), source=(Span(0, 3),), content=(Span(17, 32),), intermediary=Span(9, 16)
    )
    whole = LabelledArticle("a", text, None, None, (label,), WHOLE, nested_known=True)
    example = align(whole, fake_tokenizer())
    (window,) = (w for _, w in random_windows([example], max_pieces=60, rng=random.Random(0)))
    batch, targets, _ = make_batch([(example, window)])

    def loss(roles: tuple[str, ...], trust: float) -> float:
        known = torch.tensor([[role in roles for role in ROLES]])
        found = losses(
            student, batch, replace(targets, roles_known=known), candidate_bias=0.0,
            teacher=Teacher(other, trust),
        )  # fmt: skip
        return float(found["roles"])

    assert isinstance(student, Network)
    with torch.no_grad():
        relaying, spoken = ("intermediary", "addressee"), ("source", "content")
        assert loss(relaying, 0.9) == pytest.approx(loss(relaying, 0.0))
        assert loss(spoken, 0.9) != pytest.approx(loss(spoken, 0.0), rel=1e-3)


def test_a_teacher_has_no_say_in_what_is_certain(tmp_path: Path) -> None:
    """Of a statement that was told anew the teacher, who never met such ways, is not asked: neither
    for its cue nor for its roles, its act or whether it is one."""
    config = NetworkConfig(look_width=16, look_feedforward=16, dropout=0.0)
    torch.manual_seed(BASE_SEED)
    student, other = (
        start_from(str(write_base(tmp_path / name)), layers=(), network=config).network.eval()
        for name in ("a", "b")
    )
    text = "Ann said taxes need more"
    label = Attribution(
        cue=Span(4, 8), source=(Span(0, 3),), content=(Span(9, 24),), act="statement", certain=True
    )

    def loss(label: Attribution, trust: float) -> dict[str, float]:
        whole = LabelledArticle("a", text, None, None, (label,), WHOLE, nested_known=True)
        example = align(whole, fake_tokenizer())
        (window,) = (w for _, w in random_windows([example], max_pieces=60, rng=random.Random(0)))
        batch, targets, _ = make_batch([(example, window)])
        teacher = Teacher(other, trust)
        # Proposals that are not labelled are the teacher's to judge: leave those away.
        found = losses(student, batch, targets, candidate_bias=-100.0, teacher=teacher)
        return {name: float(found[name]) for name in ("cue", "roles", "valid", "act")}

    assert isinstance(student, Network)
    with torch.no_grad():
        assert loss(label, 0.9) == pytest.approx(loss(label, 0.0))
        doubted, believed = (loss(replace(label, certain=False), trust) for trust in (0.9, 0.0))
    for name, value in believed.items():
        assert doubted[name] != pytest.approx(value, rel=1e-4), name
