"""Finds the sentences that persons read: in Python, in templates, and in the refusals of core.

A refusal's message is its gettext id without being marked (core knows no gettext), so every class that
descends from `Refusal` counts as a marker whose second argument is the sentence.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from babel.messages.extract import extract
from django.utils.translation.template import templatize

MARKERS: dict[str, tuple[object, ...] | None] = {
    "_": None,
    "N_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
TEMPLATES = {".html", ".txt"}
STRING = r"""u?(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
# Templatize turns {% translate "x" %} into a call on the same line, between blanked-out text.
CALL = re.compile(rf"(?<![\w.])(_|n?p?gettext)\(\s*({STRING}(?:\s*,\s*{STRING})*)")


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """`ids` is a text, or a pair for a plural."""

    ids: str | tuple[str, ...]
    context: str | None
    file: str
    comments: tuple[str, ...]


def all_sentences(sources: Path) -> Iterator[Sentence]:
    """In the order of the files' names, so that locations come out the same everywhere."""
    python = sorted(file for file in sources.rglob("*.py") if "migrations" not in file.parts)
    templates = sorted(file for file in sources.rglob("*") if file.suffix in TEMPLATES)
    markers = {**MARKERS, **dict.fromkeys(refusals(python), (2,))}
    for file in python:
        yield from sentences_in(file, method="python", markers=markers, sources=sources)
    for file in templates:
        yield from sentences_in(file, method=extract_template, markers=MARKERS, sources=sources)


def sentences_in(file: Path, *, method: object, markers: dict, sources: Path) -> Iterator[Sentence]:
    options = {"encoding": "utf-8", "path": str(file)}
    with file.open("rb") as lines:
        found = extract(method, lines, keywords=markers, comment_tags=("Translators:",), options=options)
        for _line, ids, comments, context in found:
            if ids and ids != "":
                name = file.relative_to(sources.parent).as_posix()
                yield Sentence(ids=ids, context=context, file=name, comments=tuple(comments))


def extract_template(
    lines: BinaryIO, keywords: object, comment_tags: object, options: dict[str, str]
) -> Iterator[tuple[int, str, object, list[str]]]:
    text = templatize(lines.read().decode(), origin=options["path"])
    for number, line in enumerate(text.splitlines(), start=1):
        for marker, arguments in CALL.findall(line):
            texts = tuple(ast.literal_eval(string) for string in re.findall(STRING, arguments))
            yield number, marker, texts if len(texts) > 1 else texts[0], []


def refusals(files: list[Path]) -> set[str]:
    """The names of all classes that descend from `Refusal`, wherever they stand."""
    parents: dict[str, set[str]] = {}
    for file in files:
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.ClassDef):
                parents[node.name] = {base.id for base in node.bases if isinstance(base, ast.Name)}
    known = {"Refusal"}
    while more := {name for name, bases in parents.items() if bases & known} - known:
        known |= more
    return known
