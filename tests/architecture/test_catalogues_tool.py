"""The tool that collects, merges and compiles translations. Whether ours are complete is `make check`'s."""

from __future__ import annotations

import gettext
import io
from pathlib import Path

import catalogues
import pytest
from catalogues import Words, as_mo, as_po, empty, problem_of, real, renewed, take_over
from sentences import Sentence, all_sentences


def sentences_of(folder: Path, **files: str) -> dict[str | tuple[str, ...], Sentence]:
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(text)
    return {sentence.ids: sentence for sentence in all_sentences(folder)}


def words_of(*pairs: tuple[object, object], context: str | None = None) -> Words:
    words = empty()
    for ids, string in pairs:
        words.add(ids, string, context=context, locations=[("a.py", None)])
    return words


def test_python_gives_plain_plural_and_contextual_sentences(tmp_path: Path) -> None:
    found = sentences_of(
        tmp_path,
        pages_py=(
            "_('one ' 'sentence')\n"
            "ngettext('%(n)s line', '%(n)s lines', n)\n"
            "pgettext_lazy('verb', 'Credit')\n"
            "_(variable)\n"
        ),
    )
    assert set(found) == {"one sentence", ("%(n)s line", "%(n)s lines"), "Credit"}
    assert found["Credit"].context == "verb"


def test_a_refusal_is_collected_by_its_message_also_when_its_class_is_ours_by_descent(tmp_path: Path) -> None:
    found = sentences_of(
        tmp_path,
        errors_py="class Refusal(Exception): ...\nclass Conflict(Refusal): ...\n",
        tiers_py=(
            "class Overlap(Conflict): ...\n"
            "raise Overlap('tiers_overlap', 'Tier {tier} overlaps.', tier=1)\nraise ValueError('x', 'y')\n"
        ),
    )
    assert set(found) == {"Tier {tier} overlaps."}


def test_templates_give_what_django_translates(tmp_path: Path) -> None:
    found = sentences_of(
        tmp_path,
        page_html=(
            "{% load i18n %}<p title=\"{% translate 'It is due' %}\">don't collect this</p>\n"
            '    {% translate "Void" context "invoice" %} {{ _("Total") }} {# a note #}\n'
            "{% blocktranslate trimmed count n=lines|length %}\n  {{ n }} line\n"
            "{% plural %}\n  {{ n }} lines\n{% endblocktranslate %}"
            "{% blocktranslate with a=b.c %}100% of {{ a }}{% endblocktranslate %}\n"
        ),
    )
    assert set(found) == {
        "It is due",
        "Void",
        "Total",
        ("%(n)s line", "%(n)s lines"),
        "100%% of %(a)s",
    }
    assert found["Void"].context == "invoice"


@pytest.mark.parametrize(
    ("original", "translation", "problem"),
    [
        ("Due %(day)s", "%(day)s 到期", None),
        ("Due %(day)s", "到期", "placeholders"),
        ("Due %(day)s", "%(tag)s 到期", "placeholders"),
        ("Tier {tier} overlaps.", "第 {tier} 档重叠。", None),
        ("Tier {tier} overlaps.", "第 {级} 档重叠。", "placeholders"),
        ("<b>Total</b>", "<b>合计</b>", None),
        ("<b>Total</b>", "合计", "placeholders"),
        ("100%% of it", "100% 的", "placeholders"),
        ("Total", "", "not translated"),
        ("Dear reader,\n", "您好:", "line break"),
        (("%(n)s line", "%(n)s lines"), ("%(n)s 行",), None),
        (("%(n)s line", "%(n)s lines"), ("行",), "placeholders"),
        (("%(n)s line", "%(n)s lines"), ("",), "not translated"),
    ],
)
def test_a_translation_with_lost_places_or_no_words_is_a_problem(
    original: object, translation: object, problem: str | None
) -> None:
    [message] = real(words_of((original, translation)))
    found = problem_of(message)
    assert (found is None) if problem is None else (problem in found)


def test_a_renewed_catalogue_keeps_translations_drops_the_unused_and_guesses_nothing() -> None:
    known = words_of(("Total", "合计"), ("Gone", "消失"))
    sources = words_of(("Total", None), ("Totals", None))
    assert {message.id: message.string for message in real(renewed(known, sources))} == {
        "Total": "合计",
        "Totals": None,
    }


def test_a_sentence_that_became_a_plural_is_translated_anew() -> None:
    known = words_of(("%(n)s line", "%(n)s 行"))
    [message] = real(renewed(known, words_of((("%(n)s line", "%(n)s lines"), None))))
    assert not any(message.string)


def test_what_is_translated_already_wins_over_a_merged_file_and_is_told() -> None:
    ours = words_of(("Total", "合计"), ("Void", None))
    added, kept = take_over(ours, words_of(("Total", "总计"), ("Void", "作废"), ("Unknown", "未知")))
    assert added == 1
    assert [(message.string, other.string) for message, other in kept] == [("合计", "总计")]
    assert ours["Void"].string == "作废"
    assert "Unknown" not in ours


def test_the_same_words_give_the_same_bytes_in_whatever_order_they_were_found() -> None:
    one = words_of(("Total", "合计"), ("Void", "作废"))
    other = words_of(("Void", "作废"), ("Total", "合计"))
    assert as_po(one) == as_po(other)
    assert as_mo(one) == as_mo(other)
    assert "Date" not in as_po(one)


def test_a_written_catalogue_reads_back_and_answers_through_gettext(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = words_of(("Total", "合计"), (("%(n)s line", "%(n)s lines"), ("%(n)s 行",)))
    words.add("Credit", "抵扣", context="verb")
    file = tmp_path / "django.po"
    file.write_text(as_po(words))
    again = catalogues.read(file)
    assert as_po(again) == as_po(words)
    translations = gettext.GNUTranslations(io.BytesIO(as_mo(again)))
    assert translations.gettext("Total") == "合计"
    assert translations.ngettext("%(n)s line", "%(n)s lines", 3) == "%(n)s 行"
    assert translations.pgettext("verb", "Credit") == "抵扣"


def test_the_check_names_missing_unused_and_uncompiled_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogues, "PO", tmp_path / "django.po")
    monkeypatch.setattr(catalogues, "MO", tmp_path / "django.mo")
    sources = words_of(("Total", None), ("Void", None))
    catalogues.PO.write_text(as_po(words_of(("Total", "合计"), ("Gone", "消失"))))
    problems = catalogues.problems_of(sources)
    assert [problem.partition(":")[0] for problem in problems] == [
        "missing",
        "no longer used",
        "django.mo is not the compiled django.po",
    ]
    complete = words_of(("Total", "合计"), ("Void", "作废"))
    catalogues.PO.write_text(as_po(complete))
    catalogues.MO.write_bytes(as_mo(complete))
    assert catalogues.problems_of(sources) == []
