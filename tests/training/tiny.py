"""A tiny encoder and a tiny corpus in PolNeAR's shape, made on the spot."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece
from transformers import BertConfig, BertModel

NAMES = ["Ann", "Bob", "Cid", "Dee", "Eve", "Fay"]
THINGS = ["taxes", "roads", "schools", "trains", "parks", "votes"]


def write_base(folder: Path) -> Path:
    """A BERT of 2 x 32 with random weights and a word-piece tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz.,“”"]
    words += [f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"]
    words += [w.lower() for w in [*NAMES, *THINGS]] + ["said", "told", "need", "more", "reuters"]
    vocabulary = {word: n for n, word in enumerate(dict.fromkeys(words))}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=512,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def article(number: int, *, paragraphs: int = 6) -> tuple[str, list[dict[str, Any]]]:
    """Text and attributions of an article that follows one rule: NAME told Reuters THING."""
    text, statements = "", []
    for n in range(paragraphs):
        name = NAMES[(number + n) % len(NAMES)]
        content = f"{THINGS[(2 * number + n) % len(THINGS)]} need more {THINGS[n % len(THINGS)]}"
        start = len(text)
        told = n % 2 == 0
        lead = f"{name} told Reuters " if told else f"{name} said "
        cue = start + len(name) + 1
        text += lead + content + ".\n\n"
        begin = start + len(lead)
        statements.append(
            {
                "source": [[start, start + len(name)]],
                "cue": [[cue, cue + 4]],
                "content": [[begin, begin + len(content)]],
                "act": "statement",
                "speaker": name,
                "speaker_type": "person",
                "intermediary": [cue + 5, cue + 12] if told else None,
                "intermediary_kind": "outlet" if told else None,
                "addressee": None,
                "nested": False,
            }
        )
    return text.rstrip(), statements


def write_corpus(folder: Path, *, articles: int = 8) -> Path:
    """train, dev and their layers, as ../shared/data/polnear has them."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, layer in (("train", "train_full_layer"), ("dev", "dev_layer")):
        rows, layers = [], []
        for number in range(articles):
            text, statements = article(number + (100 if part == "dev" else 0))
            key = f"{part}{number}"
            bare = [{k: s[k] for k in ("source", "cue", "content")} for s in statements]
            annotations = [{"annotator": "x", "attributions": bare}]
            rows.append({"id": key, "publisher": "p", "title": "t", "text": text,
                         "annotations": annotations})  # fmt: skip
            layers.append({"id": key, "statements": statements})
        _write(folder / f"{part}.jsonl.gz", rows)
        _write(folder / f"{layer}.jsonl.gz", layers)
    _write(folder / "train_layer.jsonl.gz", [])
    return folder


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row) + "\n")


def write_config(path: Path, *, base: Path, data: Path, epochs: int, **schedule: float) -> Path:
    extra = "".join(f"{key} = {value}\n" for key, value in schedule.items())
    path.write_text(
        f"""
name = "tiny"
version = "0.0.1"
base = "{base}"
data = "{data}"
run = "{path.parent / "run"}"
out = "{path.parent / "out"}"
threads = 1
restyled = 0.0
tune = false
[network]
look_width = 32
look_layers = 1
look_heads = 2
look_feedforward = 32
dropout = 0.0
[schedule]
epochs = {epochs}
batch_pieces = 300
max_pieces = 120
{extra}"""
    )
    return path
