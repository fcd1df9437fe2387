"""The translations: collected from the sources, checked and compiled by Babel, without gettext's tools.

    catalogues.py extract            print every sentence of the sources as a template
    catalogues.py update             bring the catalogue in line with the sources; translations are kept
    catalogues.py missing            print what has no translation yet, to be filled in
    catalogues.py merge FILE.po...   update, and take translations from files of others
    catalogues.py compile            write the .mo that the program reads
    catalogues.py check              say what is missing, stale or wrong; nothing is written

There is one catalogue for the whole project. Both files are committed, sorted, without dates and line
numbers, so the same sources always give the same bytes. How words are found is in `sentences.py`.
"""

from __future__ import annotations

import io
import re
import sys
from collections import Counter
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from sentences import all_sentences
from steps import ROOT, stop_tidily

SOURCES = ROOT / "src" / "clearbill"
FOLDER = SOURCES / "web" / "locale" / "zh_Hans" / "LC_MESSAGES"
PO = FOLDER / "django.po"
MO = FOLDER / "django.mo"
LOCALE = "zh_Hans_CN"
HEADERS = [
    ("Language", "zh_Hans"),
    ("MIME-Version", "1.0"),
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Transfer-Encoding", "8bit"),
    ("Plural-Forms", "nplurals=1; plural=0;"),
]
PLACES = re.compile(r"%\(\w+\)[a-z]|%[sdifr]|%%|\{\w+\}|</?\w+")


class Words(Catalog):
    """A catalogue whose header says nothing that changes by itself: no dates, no name of a tool."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return HEADERS


def main(arguments: list[str]) -> int:
    command, *files = arguments or ["help"]
    match command, files:
        case "extract", []:
            print(as_po(collected()))
        case "update", []:
            return update([])
        case "merge", [_, *_]:
            return update([Path(file) for file in files])
        case "missing", []:
            print(as_po(untranslated(renewed(read(PO), collected()))))
        case "compile", []:
            MO.write_bytes(as_mo(read(PO)))
        case "check", []:
            return report(problems_of(collected()))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def collected() -> Words:
    words = empty()
    for sentence in all_sentences(SOURCES):
        words.add(
            sentence.ids,
            context=sentence.context,
            locations=[(sentence.file, None)],
            auto_comments=sentence.comments,
        )
    return words


def empty() -> Words:
    comment = "# Clearbill in Simplified Chinese."
    return Words(locale=LOCALE, domain="django", header_comment=comment, fuzzy=False)


def read(file: Path) -> Words:
    if not file.exists():
        return empty()
    words = empty()
    with file.open("rb") as lines:
        for message in read_po(lines, locale=LOCALE, charset="utf-8", abort_invalid=True):
            if message.id:
                words[message.id] = message
    return words


def update(others: list[Path]) -> int:
    """Writes the catalogue anew. What is there already wins over a file of others, and is reported."""
    words = renewed(read(PO), collected())
    for other in others:
        added, kept = take_over(words, read(other))
        print(f"{other}: {added} translations taken")
        for ours, theirs in kept:
            print(f"  kept {ours.string!r} for {ours.id!r}, not {theirs.string!r}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    PO.write_text(as_po(words))
    print(f"{PO.relative_to(ROOT)}: {len(words)} sentences, {len(untranslated(words))} without a translation")
    return 0


def renewed(known: Words, sources: Words) -> Words:
    """The sentences of the sources with the translations that are known; no guessing by likeness."""
    words = empty()
    for message in real(sources):
        before = known.get(message.id, message.context)
        fits = before is not None and is_translated(before) and same_kind(before, message)
        words.add(
            message.id,
            before.string if fits else None,
            context=message.context,
            locations=message.locations,
            auto_comments=message.auto_comments,
        )
    return words


def take_over(words: Words, theirs: Words) -> tuple[int, list[tuple[Message, Message]]]:
    added, kept = 0, []
    for message in real(theirs):
        ours = words.get(message.id, message.context)
        if ours is None or not is_translated(message) or not same_kind(ours, message):
            continue
        if not is_translated(ours):
            ours.string = message.string
            added += 1
        elif ours.string != message.string:
            kept.append((ours, message))
    return added, kept


def untranslated(words: Words) -> Words:
    left = empty()
    for message in real(words):
        if not is_translated(message):
            left[message.id] = message
    return left


def real(words: Catalog) -> list[Message]:
    """All but the header."""
    return [message for message in words if message.id]


def is_translated(message: Message) -> bool:
    strings = message.string if message.pluralizable else (message.string,)
    return not message.fuzzy and bool(strings) and all(strings)


def same_kind(one: Message, other: Message) -> bool:
    """A plural keeps its translation only while both of its forms stay as they were."""
    return one.id == other.id and one.pluralizable == other.pluralizable


def as_po(words: Words) -> str:
    out = io.BytesIO()
    write_po(out, words, width=0, sort_output=True, include_lineno=False)
    return out.getvalue().decode()


def as_mo(words: Words) -> bytes:
    out = io.BytesIO()
    write_mo(out, words)
    return out.getvalue()


def problems_of(sources: Words) -> list[str]:
    words = read(PO)
    problems = [f"missing: {told(message)}" for message in real(sources) if not held_by(words, message)]
    problems += [f"no longer used: {told(message)}" for message in real(words) if not held_by(sources, message)]
    problems += [problem for message in real(words) if (problem := problem_of(message))]
    if not problems and PO.read_text() != as_po(renewed(words, sources)):
        problems.append(f"{PO.name} is not as `make catalogues` writes it")
    if not MO.exists() or MO.read_bytes() != as_mo(words):
        problems.append(f"{MO.name} is not the compiled {PO.name}")
    return problems


def held_by(words: Words, message: Message) -> bool:
    held = words.get(message.id, message.context)
    return held is not None and same_kind(held, message)


def problem_of(message: Message) -> str | None:
    """A placeholder or tag lost in translation breaks the page in one language only: hard to see later."""
    if message.fuzzy:
        return f"fuzzy: {told(message)}"
    if not is_translated(message):
        return f"not translated: {told(message)}"
    original = message.id[-1] if message.pluralizable else message.id
    for string in message.string if message.pluralizable else (message.string,):
        if Counter(PLACES.findall(original)) != Counter(PLACES.findall(string)):
            return f"placeholders or tags differ: {told(message)} – {string!r}"
        if original.endswith("\n") != string.endswith("\n"):
            return f"the line break at the end differs: {told(message)}"
    return None


def told(message: Message) -> str:
    where = message.locations[0][0] if message.locations else "?"
    text = message.id[0] if message.pluralizable else message.id
    return f"{where}: {text!r}" + (f" ({message.context})" if message.context else "")


def report(problems: list[str]) -> int:
    for problem in problems:
        print(problem)
    if problems:
        print(f"\n{len(problems)} problems in {PO.relative_to(ROOT)}.")
        print("`make catalogues`, translate what is empty, and `make catalogues` again.")
    return 1 if problems else 0


if __name__ == "__main__":
    stop_tidily(main)
