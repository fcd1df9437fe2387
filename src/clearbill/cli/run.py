"""``clearbill run``: everything on one machine with one command, and everything gone again with Ctrl-C.

Database first, then migrations, on an empty development database the example, then web, worker and mail box as
processes of their own. What's said here is for the terminal; logs go to stderr.
"""

from __future__ import annotations

import contextlib
import errno
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from clearbill.cli.children import Child, ChildrenKeepDying, look_after, start, stop_all
from clearbill.cli.stops import Stopped
from clearbill.conf.config import Configuration, configuration_of_process

LOOK_EVERY_S = 0.1
READY_LIMIT_S = 60
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@click.command("run")
@click.option("--no-demo", is_flag=True, help="Leave an empty database empty.")
def command(no_demo: bool) -> None:
    """Start the database, web, worker and a mail box for development; Ctrl-C stops it all."""
    console = Console()
    configuration = configuration_of_process()
    hurry = threading.Event()
    _stop_on_signals()
    check_ports(configuration)
    children: list[Child] = []
    try:
        with _everything(configuration, console, children, hurry=hurry, demo=not no_demo) as address:
            _welcome(console, configuration, address)
            while True:
                look_after(children, tell=lambda text: console.print(text, style="yellow"))
                time.sleep(LOOK_EVERY_S)
    except KeyboardInterrupt:
        console.print("Stopped.")
    except ChildrenKeepDying as problem:
        console.print(str(problem), style="red")
        sys.exit(1)


def check_ports(configuration: Configuration) -> None:
    """Raises Stopped when a port that's needed is taken, naming it and its setting."""
    wanted = {"CLEARBILL_PORT": (configuration.bind, configuration.port)}
    if has_mailbox(configuration):
        wanted["CLEARBILL_SMTP_PORT"] = ("127.0.0.1", configuration.smtp_port)
        wanted["CLEARBILL_MAILBOX_PORT"] = ("127.0.0.1", configuration.mailbox_port)
    taken: dict[int, str] = {}
    for setting, (host, port) in wanted.items():
        if port in taken:
            raise Stopped(f"{setting} and {taken[port]} are both {port}. Give each a port of its own.")
        taken[port] = setting
        problem = _problem_of_port(host, port)
        if problem:
            raise Stopped(f"{problem} Set {setting} to another.")


def has_mailbox(configuration: Configuration) -> bool:
    """Whether mail goes to this machine's own box: in development, unless a mail server is configured."""
    return configuration.environment == "development" and configuration.smtp_host in LOOPBACK


@contextlib.contextmanager
def _everything(
    configuration: Configuration, console: Console, children: list[Child], *, hurry: threading.Event, demo: bool
) -> Iterator[str]:
    """All of it, started and ready; stopped in order afterwards: web, worker, mail box, database."""
    from clearbill.cli.database import open_database
    from clearbill.cli.migrate import migrate

    _set_public_url(configuration)
    box = [Child(name="mail box", command=("mailbox",))] if has_mailbox(configuration) else []
    try:
        with console.status("Starting the database …"):
            for child in box:
                start(child)
            children.extend(box)
            database = contextlib.ExitStack()
            database.enter_context(open_database())
        with database:
            try:
                with console.status("Bringing the database up to date …"):
                    migrate()
                if demo and configuration.environment == "development":
                    _load_demo(console)
                with console.status("Starting web and worker …"):
                    servers = [Child(name="web", command=("web",)), Child(name="worker", command=("worker",))]
                    for child in servers:
                        start(child)
                    children[:0] = servers
                    yield _wait_until_ready(configuration, children)
            finally:
                _hurry_on_signals(hurry)
                stop_all(children, hurry=hurry)
    finally:
        stop_all(children, hurry=hurry)


def _load_demo(console: Console) -> None:
    from clearbill.sellers.queries import all_sellers

    if all_sellers():
        return
    from clearbill.cli.demo import load

    console.print("The database is empty: loading a year of an example seller.")
    load(console=console)
