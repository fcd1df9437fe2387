"""The development mail box: takes every mail that Clearbill sends, and shows it on a page of its own. Nothing leaves it.

It listens on this machine only. Mails are kept by ``letters``, the pages are in ``mailbox_pages``.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import click

from clearbill.cli import letters
from clearbill.cli.children import end_with_parent
from clearbill.cli.stops import Stopped
from clearbill.conf.config import configuration_of_process

HOST = "127.0.0.1"
MAX_BYTES = 30 * 1024 * 1024


@click.command("mailbox")
@click.option("--with-parent", is_flag=True, hidden=True)
def command(with_parent: bool) -> None:
    """Take mail at CLEARBILL_SMTP_PORT and show it at CLEARBILL_MAILBOX_PORT, until stopped."""
    from aiosmtpd.controller import Controller

    from clearbill.cli.mailbox_pages import make_server

    if with_parent:
        end_with_parent()
    configuration = configuration_of_process()
    folder = configuration.data_dir / "mailbox"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server = make_server(folder, host=HOST, port=configuration.mailbox_port)
        taker = Controller(
            Taker(folder), hostname=HOST, port=configuration.smtp_port, data_size_limit=MAX_BYTES, enable_SMTPUTF8=True
        )
        taker.start()
    except OSError as problem:
        raise Stopped(
            f"The mail box can't listen: {problem.strerror}. Set CLEARBILL_SMTP_PORT and CLEARBILL_MAILBOX_PORT to free"
            " ports."
        ) from None
    if not with_parent:
        click.echo(f"Mail box at http://{HOST}:{configuration.mailbox_port}/")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("Stopped.")
    finally:
        taker.stop()


class Taker:
    """What the SMTP server calls with each mail."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Keep it. What can't be kept is refused for now, so that the sender tries again."""
        try:
            letters.put(self._folder, envelope.content)
        except OSError as problem:
            return f"451 The mail can't be stored: {problem.strerror}"
        return "250 Kept"
