"""From a fact to a mail: relayed at least once, heard any number of times, sent once; whoever dies on the way."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from clearbill.billing import jobs
from clearbill.cli.worker import wake
from clearbill.conf import tasks
from clearbill.conf.wiring import LISTENERS
from clearbill.mail.queries import messages
from clearbill.outbox.actions import record_facts, relay
from clearbill.outbox.jobs import UnheardFacts, relay_pending
from clearbill.outbox.models import Pending
from clearbill.scope.clock import wall_clock
from clearbill.scope.correlation import correlated
from tests.post_office import PostOffice
from tests.worlds import START, World, bills, in_scope, make_customer, make_plan, make_seller, run_until, subscribe

OF_AN_INVOICE = ["billing.mail_invoices", "payments.collect_invoices"]
"""Jobs that a final invoice wakes."""

pytestmark = pytest.mark.database
FEE = {"code": "fee", "model": "flat", "amount": "29.00", "bill": "in_advance"}


def test_the_link_in_a_mail_leads_to_the_invoice_in_the_portal(settings: Any) -> None:
    from django.urls import resolve

    from clearbill.billing.actions.sending import portal_link
    from clearbill.scope.ids import new_id

    link = portal_link(new_id(START))

    assert link.startswith(settings.CLEARBILL.public_url + "/")
    assert resolve(urlsplit(link).path).view_name == "portal:invoice"


@pytest.fixture
def billed(seller: World) -> World:
    """A seller with one final invoice of one customer, not yet relayed."""
    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller))
    with correlated("a-request-0001"):
        run_until(seller, "2025-01-10T09:00")
    return seller


def work() -> None:
    """Work all waiting jobs, as the worker does, and stop when there are none."""
    tasks.make_worker_app().run_worker(
        **{**tasks.worker_options(), "wait": False, "install_signal_handlers": False, "listen_notify": False}
    )


def waiting_jobs(task: str = "") -> list[tuple[str, dict[str, Any]]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT task_name, args FROM procrastinate_jobs WHERE status = 'todo' AND task_name LIKE %s ORDER BY id",
            [f"%{task}%"],
        )
        return [(name, args if isinstance(args, dict) else json.loads(args)) for name, args in cursor.fetchall()]


def mails_of(world: World) -> list[Any]:
    with in_scope(world):
        return messages(limit=100)


def test_every_fact_that_is_wired_has_a_task_of_the_queue() -> None:
    from procrastinate.contrib.django import app

    for listeners in LISTENERS.values():
        for listener in listeners:
            assert listener.name in app.tasks  # type: ignore[attr-defined]


def test_an_invoice_becomes_one_mail_with_its_pdf(billed: World, post_office: PostOffice) -> None:
    assert wake() >= 1  # relays
    work()
    assert wake() >= 1  # finds the mail to be sent
    work()

    (mail,) = post_office.mails
    assert mail["To"] == "billing@acme.example"
    assert "ACME-000001" in mail["Subject"]
    assert "34.80" in mail.get_body(("plain",)).get_content()  # 29.00 and 20 % of it
    (pdf,) = mail.iter_attachments()
    assert pdf.get_filename() == "ACME-000001.pdf"
    assert pdf.get_payload(decode=True).startswith(b"%PDF-")
    (stored,) = mails_of(billed)
    assert (stored.state, stored.kind, stored.correlation_id) == ("sent", "invoice_issued", "a-request-0001")
    assert wake() == 0
    assert waiting_jobs() == []


def test_a_relay_that_dies_passes_the_facts_on_next_time(billed: World) -> None:
    delivered = []

    def die(facts: Any) -> None:
        jobs.mail_invoices.defer(seller_id=str(billed.id), fact_ids=[str(fact.id) for fact in facts])
        delivered.append(len(facts))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        relay(die)

    assert delivered
    assert waiting_jobs() == []  # the job went with the transaction
    assert Pending.objects.exists()
    assert relay_pending(LISTENERS) >= 1
    assert sorted(name for name, _args in waiting_jobs()) == OF_AN_INVOICE
    assert not Pending.objects.exists()
    assert relay_pending(LISTENERS) == 0


def test_facts_of_one_seller_are_one_job(seller: World) -> None:
    make_plan(seller, prices=[FEE])
    for name in ("one", "two", "three"):
        subscribe(seller, make_customer(seller, name))
    run_until(seller, "2025-01-10T09:00")

    relay_pending(LISTENERS)

    ((_name, args),) = waiting_jobs("mail_invoices")
    assert args["seller_id"] == str(seller.id)
    assert len(args["fact_ids"]) == 3


def test_facts_of_two_sellers_are_never_in_one_job(seller: World) -> None:
    other = make_seller(name="Other")
    for world in (seller, other):
        make_plan(world, prices=[FEE])
        subscribe(world, make_customer(world))
        run_until(world, "2025-01-10T09:00")

    relay_pending(LISTENERS)

    assert sorted(args["seller_id"] for _name, args in waiting_jobs("mail_invoices")) == sorted(
        [str(seller.id), str(other.id)]
    )


def test_the_same_fact_heard_twice_is_one_mail(billed: World, post_office: PostOffice) -> None:
    relay_pending(LISTENERS)
    ((_name, args),) = waiting_jobs("mail_invoices")

    jobs.mail_invoices(**args)
    jobs.mail_invoices(**args)
    jobs.work_off(billed.id)
    jobs.mail_invoices(**args)
    jobs.work_off(billed.id)

    assert len(post_office.mails) == 1


def test_a_fact_of_another_seller_is_not_heard(billed: World) -> None:
    relay_pending(LISTENERS)
    ((_name, args),) = waiting_jobs("mail_invoices")
    other = make_seller(name="Other")

    jobs.mail_invoices(seller_id=str(other.id), fact_ids=args["fact_ids"])

    assert mails_of(other) == []
    assert mails_of(billed) == []


def test_a_fact_that_fails_keeps_none_of_the_others_and_is_tried_again(billed: World) -> None:
    with in_scope(billed):
        (broken,) = record_facts([("invoice.finalized", {"invoice": "inv_nothing"})], at=billed.at)
    relay_pending(LISTENERS)
    ((_name, args),) = waiting_jobs("mail_invoices")
    assert str(broken) in args["fact_ids"]

    with pytest.raises(UnheardFacts):
        jobs.mail_invoices(**args)

    assert len(mails_of(billed)) == 1


def test_a_customer_without_address_gets_nothing_and_holds_nothing_up(seller: World) -> None:
    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller, email=""))
    run_until(seller, "2025-01-10T09:00")

    relay_pending(LISTENERS)
    ((_name, args),) = waiting_jobs("mail_invoices")
    jobs.mail_invoices(**args)

    assert mails_of(seller) == []


def test_a_credit_note_is_mailed_in_the_language_of_its_invoice(seller: World, post_office: PostOffice) -> None:
    from clearbill.billing.actions.credits import credit_invoice

    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller, locale="zh-Hans"))
    run_until(seller, "2025-01-10T09:00")
    with in_scope(seller):
        credit_invoice(bills(seller)[0]["id"], lines={1: 1000}, reason="goodwill", at=seller.at, actor="test")

    relay_pending(LISTENERS)
    for name, args in waiting_jobs("mail"):
        {"billing.mail_invoices": jobs.mail_invoices, "billing.mail_credit_notes": jobs.mail_credit_notes}[name](**args)
    jobs.work_off(seller.id)

    assert sorted(each.kind for each in mails_of(seller)) == ["credit_note_issued", "invoice_issued"]
    note = next(mail for mail in post_office.mails if "CN" in mail["Subject"])
    assert note["Content-Language"] == "zh-hans"
    assert "12.00" in note.get_body(("plain",)).get_content()  # 10.00 and 20 % of it
    assert next(note.iter_attachments()).get_filename().endswith(".pdf")


def test_two_schedulers_wake_a_seller_once(billed: World) -> None:
    relay_pending(LISTENERS)
    ((_name, args),) = waiting_jobs("mail_invoices")
    jobs.mail_invoices(**args)

    assert jobs.wake_sellers(wall_clock(), correlation_id="first-one") == 1
    assert jobs.wake_sellers(wall_clock(), correlation_id="second-one") == 0

    assert len(waiting_jobs("tick")) == 1


def test_a_tick_that_fails_leaves_a_later_one_and_ends_well(billed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_seller_id: Any) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(jobs, "work_off", fail)

    jobs.tick_seller(seller_id=str(billed.id), correlation_id="some-request", failures=2)

    ((_name, args),) = waiting_jobs("tick")
    assert args["failures"] == 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM scheduled_at - now()) FROM procrastinate_jobs")
        assert 6 < cursor.fetchone()[0] <= 8  # 2³ seconds


def test_jobs_of_a_dead_worker_go_to_the_living(billed: World) -> None:
    relay_pending(LISTENERS)
    jobs.wake_sellers(wall_clock(), correlation_id="some-request")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = NULL")

    assert tasks.rescue_jobs() == len(OF_AN_INVOICE)
    assert sorted(name for name, _args in waiting_jobs()) == OF_AN_INVOICE
    assert tasks.rescue_jobs() == 0


def test_a_job_that_took_several_workers_along_is_given_up(billed: World) -> None:
    relay_pending(LISTENERS)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = NULL, attempts = %s", [tasks.MAX_ATTEMPTS]
        )

    tasks.rescue_jobs()

    assert waiting_jobs() == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT status::text FROM procrastinate_jobs")
        assert cursor.fetchall() == [("failed",)] * len(OF_AN_INVOICE)


def test_a_dead_tick_beside_its_successor_is_dropped(billed: World) -> None:
    relay_pending(LISTENERS)
    ((_name, args),) = waiting_jobs("mail_invoices")
    jobs.mail_invoices(**args)
    jobs.wake_sellers(wall_clock(), correlation_id="first-one")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE task_name = 'billing.tick'")
    jobs.wake_sellers(wall_clock(), correlation_id="second-one")

    tasks.rescue_jobs()

    assert len(waiting_jobs("tick")) == 1


def test_a_seller_whose_only_due_work_waits_for_a_person_is_not_woken(seller: World) -> None:
    from clearbill.billing.models import Parked, Subscription
    from clearbill.scope.ids import new_id

    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller))
    assert jobs.wake_sellers(wall_clock(), correlation_id="some-request") == 1
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    with in_scope(seller):
        row = Subscription.objects.get()
        Parked.objects.create(
            id=new_id(seller.at),
            seller_id=seller.id,
            subscription=row,
            due_at=row.due_at,
            code="x",
            problem="",
            at=seller.at,
        )

    assert jobs.wake_sellers(wall_clock(), correlation_id="some-request") == 0


def test_a_mail_that_waits_for_its_next_try_wakes_nobody(seller: World, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-10T09:00")
    relay_pending(LISTENERS)
    ((_name, args),) = waiting_jobs("mail_invoices")
    jobs.mail_invoices(**args)
    jobs.work_off(seller.id)

    assert jobs.wake_sellers(wall_clock(), correlation_id="some-request") == 0
    assert jobs.wake_sellers(wall_clock() + timedelta(minutes=2), correlation_id="some-request") == 1
