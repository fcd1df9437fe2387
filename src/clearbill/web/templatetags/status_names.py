"""What each status is called and which tone it has. One list, so a word looks the same on every page."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

GOOD, WARN, BAD, INFO, NEUTRAL = TONES = ("good", "warn", "bad", "info", "neutral")

# A context marks the words that are a verb or a heading elsewhere and read differently in Chinese.
STATUSES: dict[str, tuple[str | Promise, str]] = {
    "draft": (_("Draft"), NEUTRAL),
    "pending": (_("Pending"), WARN),
    "open": (pgettext_lazy("status", "Open"), INFO),
    "overdue": (_("Overdue"), BAD),
    "partly_paid": (_("Partly paid"), WARN),
    "paid": (_("Paid"), GOOD),
    "void": (pgettext_lazy("status", "Void"), NEUTRAL),
    "uncollectible": (_("Uncollectible"), BAD),
    "credited": (_("Credited"), NEUTRAL),
    "issued": (pgettext_lazy("status", "Issued"), GOOD),
    "final": (_("Final"), GOOD),
    "trialing": (_("In trial"), INFO),
    "active": (_("Active"), GOOD),
    "paused": (_("Paused"), WARN),
    "canceled": (_("Canceled"), NEUTRAL),
    "ending": (_("Ending"), WARN),
    "scheduled": (_("Scheduled"), INFO),
    "current": (pgettext_lazy("status", "Current"), GOOD),
    "ended": (_("Ended"), NEUTRAL),
    "archived": (_("Archived"), NEUTRAL),
    "invited": (_("Invited"), INFO),
    "expired": (_("Expired"), WARN),
    "revoked": (_("Revoked"), BAD),
    "disabled": (_("Disabled"), NEUTRAL),
    "queued": (_("Queued"), NEUTRAL),
    "sent": (_("Sent"), GOOD),
    "delivered": (_("Delivered"), GOOD),
    "running": (_("Running"), INFO),
    "done": (pgettext_lazy("status", "Done"), GOOD),
    "failed": (_("Failed"), BAD),
    "refused": (_("Refused"), BAD),
    "accepted": (_("Accepted"), GOOD),
    "duplicate": (_("Duplicate"), NEUTRAL),
    "recorded": (_("Recorded"), GOOD),
    "rejected": (_("Rejected"), BAD),
    "balanced": (_("Balanced"), GOOD),
    "requires_method": (_("Not paid"), WARN),
    "requires_confirmation": (_("Begun"), NEUTRAL),
    "requires_action": (_("Waits for the payer"), INFO),
    "processing": (_("Under way"), INFO),
    "requires_capture": (_("Authorized"), INFO),
    "unknown": (_("Outcome unknown"), WARN),
    "succeeded": (_("Paid"), GOOD),
    "prepared": (_("Begun"), NEUTRAL),
    "not_sent": (_("Not sent"), NEUTRAL),
    "authorized": (_("Authorized"), INFO),
    "integrity_failure": (_("Wrong amount"), BAD),
    "refunded": (_("Refunded"), NEUTRAL),
}


def name_status(code: str) -> tuple[str, str]:
    """Label and tone; a code that isn't listed shows as itself, neutral, so that nothing is hidden."""
    label, tone = STATUSES.get(code, (code.replace("_", " "), NEUTRAL))
    return str(label), tone
