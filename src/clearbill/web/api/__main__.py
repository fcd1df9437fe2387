"""``python -m clearbill.web.api`` writes ``openapi.json`` anew, and refuses when v1 would shrink by it.

``--first`` leaves that check out, for as long as nothing was released.
"""

from __future__ import annotations

import json
import os
import sys

import django


def main(arguments: list[str]) -> int:
    """Write the document; 1 when that would take something away from it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clearbill.conf.settings")
    django.setup()
    from clearbill.web.api.api import api
    from clearbill.web.api.document import KEPT, ROOT, document_text, kept_document
    from clearbill.web.api.growth import shrinkages

    now = json.loads(document_text(api.get_openapi_schema(path_prefix=ROOT)))  # as it's read: all its keys are texts
    gone = shrinkages(kept_document(), now) if KEPT.exists() and "--first" not in arguments else []
    if gone:
        sys.stderr.write("".join(f"{line}\n" for line in gone))
        sys.stderr.write("v1 only grows; openapi.json was left as it is.\n")
        return 1
    KEPT.write_text(document_text(now), encoding="utf-8")
    sys.stdout.write(f"{KEPT}: {len(now['paths'])} addresses\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
