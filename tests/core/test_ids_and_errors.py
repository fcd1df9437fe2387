"""Ids: ordered by time, read back, foreign ones refused. Errors: sentences with their places filled."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core import ids
from clearbill.core.errors import Conflict, Malformed, Refusal, Throttled

RANDOM = st.integers(0, 2**74 - 1)


@given(st.integers(0, 2**48 - 1), RANDOM)
def test_ids_are_uuids_of_version_seven(at_ms: int, bits: int) -> None:
    made = uuid.UUID(int=ids.uuid7(at_ms, bits))
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == at_ms


@given(st.integers(0, 2**48 - 2), RANDOM, RANDOM)
def test_a_later_id_sorts_later_as_number_and_as_text(at_ms: int, one: int, other: int) -> None:
    earlier, later = ids.uuid7(at_ms, one), ids.uuid7(at_ms + 1, other)
    assert earlier < later
    assert ids.encode("invoice", earlier) < ids.encode("invoice", later)


@given(st.integers(0, 2**128 - 1), st.sampled_from(sorted(ids.PREFIXES)))
def test_an_id_is_read_back(value: int, kind: str) -> None:
    assert ids.decode(kind, ids.encode(kind, value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "inv",
        "inv_",
        "cus_" + "0" * 26,
        "inv_" + "0" * 25,
        "inv_" + "8" + "0" * 25,
        "inv_" + "u" * 26,
        "inv_" + "0" * 25 + "I",
    ],
)
def test_wrong_ids_are_refused(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        ids.decode("invoice", text)
    assert refused.value.code == "id_malformed"


def test_prefixes_are_distinct() -> None:
    assert len(set(ids.PREFIXES.values())) == len(ids.PREFIXES)


def test_a_refusal_fills_its_places_and_never_reads_an_outsiders_text_as_a_format() -> None:
    refused = Conflict("taken", "“{name}” is taken at {field}.", field="a.b", name="{0} {x.__class__}")
    assert refused.sentence == "“{0} {x.__class__}” is taken at a.b."
    assert str(refused).startswith("taken: ")
    assert (Conflict.status, Throttled.status, Refusal.status) == (409, 429, 400)
