"""Every act and every look that is written down has a name for people."""

from __future__ import annotations

import re
from pathlib import Path

from clearbill.web.console.audit_names import AUDIT_NAMES

SOURCES = Path(__file__).resolve().parents[2] / "src" / "clearbill"
ACT = re.compile(r'record_audit\(\s*"([a-z_.]+)"')
LOOK = re.compile(r'record_look\(request, "([a-z_]+)", [^,)]+(?:, how="([a-z_]+)")?\)')


def written_down() -> set[str]:
    text = "\n".join(file.read_text(encoding="utf-8") for file in SOURCES.rglob("*.py"))
    return set(ACT.findall(text)) | {f"{kind}.{how or 'view'}" for kind, how in LOOK.findall(text)}


def test_every_audited_action_has_words_and_no_words_are_idle() -> None:
    assert len(written_down()) > 20
    assert set(AUDIT_NAMES) == written_down()
