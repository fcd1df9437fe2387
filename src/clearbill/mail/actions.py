"""One way out for every message: it's stored in the transaction that makes it due, and sent after that committed.

``enqueue`` writes, ``send_due`` sends. Between "the server took it" and "it's written down" a crash means a second
sending, never none; its Message-ID tells that it's the same mail.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.validators import validate_email
from django.db.models import F, Q, QuerySet

from clearbill.core.errors import Fault, Unacceptable
from clearbill.mail.delivery import TRANSPORT_ERRORS, Attachment, Failure, email_of, failure_of
from clearbill.mail.models import Message
from clearbill.mail.rendering import render
from clearbill.scope.correlation import correlated, correlation_id
from clearbill.scope.ids import new_id, show_id
from clearbill.scope.seller import current_seller, seller_scope
from clearbill.sellers.models import Seller
from clearbill.sellers.queries import seller_by_id

BATCH = 50
MAX_BATCHES = 40
# after a try that failed: how long until the next one; one more try than there are delays
DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720))
MAX_TRIES = len(DELAYS) + 1
# a batch of mails to a server that answers each at the last moment takes this long; after it the sender is dead
SENDING_LIMIT = timedelta(minutes=20)
MAX_DEDUP_KEY = 160
# their link lets somebody in: once sent, what they said isn't kept
KINDS_WITH_SECRET = ("portal_sign_in", "invitation")

FetchAttachments = Callable[[Message], Sequence[Attachment]]
log = logging.getLogger("clearbill.mail")


def enqueue(
    kind: str,
    *,
    customer_id: UUID | None,
    recipient: str,
    language: str,
    context: Mapping[str, object],
    dedup_key: str,
    at: datetime,
    invoice_id: UUID | None = None,
    credit_note_id: UUID | None = None,
) -> UUID:
    """Write a message of the running seller in ``language`` (``en`` or ``zh-Hans``); it's sent after the commit.

    The same ``dedup_key`` again gives the id of the first message and writes nothing. ``context`` is what the kind's
    templates name; ``seller`` is added. Raises Unacceptable ``mail_recipient_malformed``.
    """
    _check(recipient, dedup_key)
    seller = seller_by_id(current_seller())
    words = render(kind, language=language, context={**context, "seller": seller})
    row = Message(
        id=new_id(at),
        seller_id=seller.id,
        customer_id=customer_id,
        kind=kind,
        language=language,
        recipient=recipient,
        subject=words.subject,
        text=words.text,
        html=words.html,
        invoice_id=invoice_id,
        credit_note_id=credit_note_id,
        dedup_key=dedup_key,
        correlation_id=correlation_id(),
        at=at,
    )
    Message.objects.bulk_create([row], ignore_conflicts=True)
    found: UUID = Message.objects.values_list("id", flat=True).get(seller_id=seller.id, dedup_key=dedup_key)
    return found


def send_due(seller_id: UUID, *, at: datetime, fetch_attachments: FetchAttachments) -> int:
    """Send the seller's messages that may be tried by ``at`` (the machine's time); returns how many went out.

    Call it outside of a transaction. ``fetch_attachments`` gives a message's files and opens its own scope.
    """
    sent = 0
    for _ in range(MAX_BATCHES):
        with seller_scope(seller_id):
            seller, rows = seller_by_id(seller_id), _claim(at)
        if not rows:
            break
        done, server_works = _send_batch(rows, seller=seller, at=at, fetch_attachments=fetch_attachments)
        sent += done
        if not server_works:
            break
    if sent:
        log.info("mails sent", extra={"seller_id": show_id("seller", seller_id), "count": sent})
    return sent


def _check(recipient: str, dedup_key: str) -> None:
    if not 0 < len(dedup_key) <= MAX_DEDUP_KEY:
        raise Fault(f"a dedup key has 1 to {MAX_DEDUP_KEY} characters")
    try:
        validate_email(recipient)
    except ValidationError:
        raise Unacceptable(
            "mail_recipient_malformed", "“{recipient}” is not a mail address.", recipient=recipient[:100]
        ) from None


def _claim(at: datetime) -> list[Message]:
    """Take up to a batch for this sender, those of a sender that died included; give up what was tried too often."""
    may_be_tried = Q(next_try_at__isnull=True) | Q(next_try_at__lte=at)
    due = Message.objects.filter(may_be_tried, state__in=["queued", "sending"])
    rows = list(due.select_for_update(skip_locked=True).order_by("id")[:BATCH])
    for row in rows:
        if row.tries >= MAX_TRIES:
            _close(row, state="failed", problem="the sender ended in the middle of the last try")
    claimed = [row for row in rows if row.tries < MAX_TRIES]
    Message.objects.filter(id__in=[row.id for row in claimed]).update(
        state="sending", tries=F("tries") + 1, next_try_at=at + SENDING_LIMIT
    )
    for row in claimed:
        row.state, row.tries, row.next_try_at = "sending", row.tries + 1, at + SENDING_LIMIT
    return claimed


def _send_batch(
    rows: Sequence[Message], *, seller: Seller, at: datetime, fetch_attachments: FetchAttachments
) -> tuple[int, bool]:
    """Send over one connection; returns how many went out, and whether the server works."""
    sent = 0
    connection = get_connection()
    try:
        for place, row in enumerate(rows):
            with correlated(row.correlation_id):
                failure = _send(row, seller=seller, connection=connection, fetch_attachments=fetch_attachments)
                _write_outcome(row, failure, seller_id=seller.id, at=at)
            if failure is None:
                sent += 1
            elif failure.server:
                # the rest weren't tried: they wait together with the one that was, and lose no try
                with seller_scope(seller.id):
                    for waiting in rows[place + 1 :]:
                        _put_back(waiting, next_try_at=at + DELAYS[0], problem=failure.problem, untried=True)
                return sent, False
    finally:
        connection.close()
    return sent, True


def _send(
    row: Message, *, seller: Seller, connection: BaseEmailBackend, fetch_attachments: FetchAttachments
) -> Failure | None:
    """One try, outside of any transaction."""
    try:
        attachments = fetch_attachments(row)
    except Exception as problem:  # whatever keeps one file from being made must not keep the other mails
        log.exception("attachment failed", extra={"message_id": show_id("message", row.id)})
        return Failure(problem=f"attachment: {type(problem).__name__}")
    try:
        mail = email_of(row, seller_name=seller.name, reply_to=seller.email, attachments=attachments)
        connection.open()  # once for the batch: a connection that a mail has to open is closed after it
        mail.connection = connection
        mail.send()
    except (*TRANSPORT_ERRORS, ValueError) as problem:
        return failure_of(problem)
    return None


def _write_outcome(row: Message, failure: Failure | None, *, seller_id: UUID, at: datetime) -> None:
    """Write down what became of a try, unless another sender took the message over since."""
    facts = {"message_id": show_id("message", row.id), "kind": row.kind, "tries": row.tries}
    with seller_scope(seller_id):
        if failure is None:
            _close(row, state="sent", sent_at=at)
            log.debug("mail sent", extra=facts)
        elif failure.permanent or row.tries >= MAX_TRIES:
            _close(row, state="failed", problem=failure.problem)
            log.warning("mail failed", extra={**facts, "problem": failure.problem})
        else:
            _put_back(row, next_try_at=at + DELAYS[row.tries - 1], problem=failure.problem)
            log.warning("mail delayed", extra={**facts, "problem": failure.problem})


def _close(row: Message, *, state: str, problem: str = "", sent_at: datetime | None = None) -> None:
    changes: dict[str, object] = {"state": state, "sent_at": sent_at, "next_try_at": None, "problem": problem}
    if row.kind in KINDS_WITH_SECRET:
        changes |= {"text": "", "html": ""}
    _held(row).update(**changes)


def _put_back(row: Message, *, next_try_at: datetime, problem: str, untried: bool = False) -> None:
    _held(row).update(
        state="queued", next_try_at=next_try_at, problem=problem, tries=row.tries - 1 if untried else row.tries
    )


def _held(row: Message) -> QuerySet[Message]:
    """The row, as long as nobody else has taken it since: every claim counts a try."""
    return Message.objects.filter(id=row.id, state="sending", tries=row.tries)
