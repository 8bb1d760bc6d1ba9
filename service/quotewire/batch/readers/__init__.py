"""Inputs of every kind -> records: each an article, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable

from quotewire.batch.extras import needed_for
from quotewire.batch.readers.inputs import find_inputs
from quotewire.batch.records import InputFile, InputFormat, ReadOptions, RecordReader

__all__ = ["find_inputs", "open_input"]


def open_input(file: InputFile, *, options: ReadOptions) -> RecordReader:
    """A reader of ``file``; opens nothing yet."""
    # Imported when needed: each format brings libraries of its own.
    reader: Callable[[InputFile, ReadOptions], RecordReader]
    with needed_for(f"{file.format} files"):
        match file.format:
            case InputFormat.JSONL:
                from quotewire.batch.readers.jsonl import JsonLinesReader as reader
            case InputFormat.CSV:
                from quotewire.batch.readers.csv_rows import CsvReader as reader
            case InputFormat.PARQUET:
                from quotewire.batch.readers.tables import ParquetReader as reader
            case InputFormat.TEXT:
                from quotewire.batch.readers.folders import TextFolderReader as reader
            case InputFormat.HTML:
                from quotewire.batch.readers.folders import HtmlFolderReader as reader
            case InputFormat.WARC | InputFormat.WACZ:
                from quotewire.batch.readers.web_archives import WarcReader as reader
    return reader(file, options)
