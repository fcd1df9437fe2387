"""The mail room: once per key, sent after the commit, again after a failure, recognisable after a crash."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from clearbill.core.errors import NotFound, Unacceptable
from clearbill.mail import actions
from clearbill.mail.actions import DELAYS, MAX_TRIES, SENDING_LIMIT, enqueue, send_due
from clearbill.mail.delivery import Attachment
from clearbill.mail.queries import message_by_id, messages
from tests.post_office import PostOffice
from tests.worlds import World, in_scope, make_seller

pytestmark = pytest.mark.database


def write(world: World, key: str = "one", *, kind: str = "portal_sign_in", **changes: Any) -> UUID:
    arguments = {
        "customer_id": None,
        "recipient": "anna@customer.example",
        "language": "en",
        "context": {
            "customer_name": "Anna",
            "link": "https://x.example/secret",
            "minutes": 15,
            "days": 7,
            "inviter": "Ada",
        },
        **changes,
    }
    with in_scope(world):
        return enqueue(kind, dedup_key=key, at=world.at, **arguments)


def send(world: World, *, after: timedelta = timedelta(0), files: Any = lambda _row: []) -> int:
    return send_due(world.id, at=world.at + after, fetch_attachments=files)


def row(world: World, message_id: UUID) -> Any:
    with in_scope(world):
        return message_by_id(message_id)


def test_a_message_goes_out_once_with_text_page_and_headers(seller: World, post_office: PostOffice) -> None:
    message_id = write(seller)

    assert send(seller) == 1
    assert send(seller) == 0

    (mail,) = post_office.mails
    assert mail["To"] == "anna@customer.example"
    assert mail["From"] == "Acme Cloud <billing@clearbill.test>"
    assert mail["Reply-To"] == "billing@acme.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].startswith("<msg_")
    assert mail["Message-ID"].endswith("@clearbill.test>")
    assert [part.get_content_type() for part in mail.walk()][1:] == ["text/plain", "text/html"]
    stored = row(seller, message_id)
    assert (stored.state, stored.tries, stored.sent_at, stored.problem) == ("sent", 1, seller.at, "")


def test_the_same_key_twice_is_one_message(seller: World, post_office: PostOffice) -> None:
    first = write(seller, "key", language="en")
    second = write(seller, "key", language="zh-Hans")

    assert first == second
    assert send(seller) == 1
    assert len(post_office.mails) == 1


def test_the_same_key_of_two_sellers_is_two_messages(seller: World, post_office: PostOffice) -> None:
    other = make_seller(name="Other")
    assert write(seller, "key") != write(other, "key")

    send(seller)

    assert [mail["From"] for mail in post_office.mails] == ["Acme Cloud <billing@clearbill.test>"]


def test_a_message_of_a_rolled_back_transaction_is_never_sent(seller: World, post_office: PostOffice) -> None:
    with pytest.raises(RuntimeError), in_scope(seller):
        write(seller)
        raise RuntimeError("rolled back")

    assert send(seller) == 0
    assert post_office.mails == []


def test_the_language_of_the_message_is_kept_whatever_the_process_speaks(
    seller: World, post_office: PostOffice
) -> None:
    from django.utils import translation

    with translation.override("en"):
        write(seller, language="zh-Hans")
        send(seller)

    assert post_office.mails[0]["Content-Language"] == "zh-hans"


def test_a_batch_goes_over_one_connection(seller: World, post_office: PostOffice) -> None:
    for number in range(7):
        write(seller, f"key {number}")

    assert send(seller) == 7
    assert post_office.connections == 1


def test_files_go_along_under_a_harmless_name(seller: World, post_office: PostOffice) -> None:
    write(seller)

    send(seller, files=lambda _row: [Attachment(name="../ACME/7\r\n.pdf", content=b"%PDF-")])

    (file,) = post_office.mails[0].iter_attachments()
    assert file.get_filename() == "-ACME-7 .pdf"
    assert file.get_payload(decode=True) == b"%PDF-"


def test_a_crash_after_the_server_took_it_leads_to_the_same_message_id(
    seller: World, post_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = write(seller)

    def crash(*_arguments: Any, **_more: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(actions, "_write_outcome", crash)
        with pytest.raises(KeyboardInterrupt):
            send(seller)

    assert row(seller, message_id).state == "sending"
    assert send(seller, after=SENDING_LIMIT - timedelta(seconds=1)) == 0  # it may still be under way
    assert send(seller, after=SENDING_LIMIT) == 1
    first, second = post_office.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert row(seller, message_id).tries == 2


def test_a_message_that_always_takes_its_sender_along_is_given_up(
    seller: World, post_office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = write(seller)

    def crash(*_arguments: Any, **_more: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(actions, "_send", crash)
    for number in range(MAX_TRIES):
        with pytest.raises(KeyboardInterrupt):
            send(seller, after=number * SENDING_LIMIT)

    assert send(seller, after=MAX_TRIES * SENDING_LIMIT) == 0
    stored = row(seller, message_id)
    assert (stored.state, stored.tries, stored.next_try_at) == ("failed", MAX_TRIES, None)


def test_a_refused_recipient_fails_for_good_and_the_others_go_on(seller: World, post_office: PostOffice) -> None:
    post_office.answers["nobody@customer.example"] = "550 5.1.1 No such user"
    bad = write(seller, "bad", recipient="nobody@customer.example")
    good = write(seller, "good")

    assert send(seller) == 1
    assert row(seller, good).state == "sent"
    assert row(seller, bad).state == "failed"
    assert "No such user" in row(seller, bad).problem


def test_a_recipient_who_is_not_ready_is_tried_again_later_and_later(seller: World, post_office: PostOffice) -> None:
    post_office.answers["anna@customer.example"] = "451 Greylisted"
    message_id = write(seller)
    waited = timedelta(0)
    for delay in DELAYS:
        assert send(seller, after=waited) == 0
        assert row(seller, message_id).state == "queued"
        assert row(seller, message_id).next_try_at == seller.at + waited + delay
        waited += delay

    assert send(seller, after=waited) == 0
    assert row(seller, message_id).state == "failed"


def test_a_server_that_is_down_costs_one_try_and_the_rest_wait(seller: World, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    first, second = write(seller, "first"), write(seller, "second")

    assert send(seller) == 0
    assert [(row(seller, each).state, row(seller, each).tries) for each in (first, second)] == [
        ("queued", 1),
        ("queued", 0),
    ]
    assert "refused" in row(seller, first).problem


def test_a_file_that_cannot_be_made_keeps_only_its_own_mail(seller: World, post_office: PostOffice) -> None:
    bad, good = write(seller, "bad"), write(seller, "good")

    def files(message: Any) -> list[Attachment]:
        if message.id == bad:
            raise ValueError("no font")
        return []

    assert send(seller, files=files) == 1
    assert row(seller, good).state == "sent"
    assert (row(seller, bad).state, row(seller, bad).problem) == ("queued", "attachment: ValueError")


def test_what_lets_somebody_in_is_forgotten_once_it_was_sent(seller: World, post_office: PostOffice) -> None:
    message_id = write(seller)
    assert "secret" in row(seller, message_id).text

    send(seller)

    assert "secret" in post_office.mails[0].get_body(("plain",)).get_content()
    assert (row(seller, message_id).text, row(seller, message_id).html) == ("", "")


@pytest.mark.parametrize("recipient", ["", "no address", "a@b.example\r\nBcc: c@d.example", "a@b.example\x00"])
def test_a_malformed_recipient_is_refused(seller: World, recipient: str) -> None:
    with pytest.raises(Unacceptable) as refusal:
        write(seller, recipient=recipient)

    assert refusal.value.code == "mail_recipient_malformed"


def test_a_seller_name_with_line_breaks_makes_no_new_header(seller: World, post_office: PostOffice) -> None:
    from clearbill.sellers.models import Seller

    Seller.objects.filter(id=seller.id).update(name="Acme\r\nBcc: all@else.example")
    write(seller)

    send(seller)

    (mail,) = post_office.mails
    assert mail["Bcc"] is None
    assert "\n" not in mail["From"]


def test_messages_are_read_newest_first_and_only_by_their_seller(seller: World) -> None:
    other = make_seller(name="Other")
    ids = [write(seller, f"key {number}") for number in range(3)]
    with in_scope(seller):
        assert {each.id for each in messages(limit=10)} == set(ids)
        assert len(messages(limit=2)) == 2
    with in_scope(other), pytest.raises(NotFound):
        message_by_id(ids[0])


def test_two_senders_at_once_send_each_message_once(seller: World, post_office: PostOffice) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    for number in range(60):
        write(seller, f"key {number}", recipient=f"anna{number}@customer.example")

    def sender() -> int:
        try:
            return send(seller)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        counts = [each.result() for each in [pool.submit(sender) for _ in range(3)]]

    assert sum(counts) == 60
    assert sorted(mail["To"] for mail in post_office.mails) == sorted(
        f"anna{number}@customer.example" for number in range(60)
    )
