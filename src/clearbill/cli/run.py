"""``clearbill run``: everything on one machine with one command, and everything gone again with Ctrl-C.

Database first, then migrations, on an empty development database the example, then web, worker and mail box as
processes of their own. What's said here is for the terminal; logs go to stderr.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
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
PORT_PATIENCE_S = 3
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@click.command("run")
@click.option("--no-demo", is_flag=True, help="Leave an empty database empty.")
def command(no_demo: bool) -> None:
    """Start the database, web, worker and a mail box for development; Ctrl-C stops it all."""
    console = Console()
    configuration = _with_public_url(configuration_of_process())
    check_ports(configuration)
    _stop_on_signals()
    children: list[Child] = []
    try:
        with _stopped_afterwards(children), ExitStack() as database:
            _start(configuration, console, children, database=database, demo=not no_demo)
            _welcome(console, configuration)
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
    if configuration.environment == "development":
        wanted["CLEARBILL_SANDBOX_PORT"] = ("127.0.0.1", configuration.sandbox_port)
    taken: dict[int, str] = {}
    for setting, (host, port) in wanted.items():
        if port in taken:
            raise Stopped(f"{setting} and {taken[port]} are both {port}. Give each a port of its own.")
        taken[port] = setting
        problem = _problem_of_port(host, port)
        until = time.monotonic() + PORT_PATIENCE_S
        while problem and time.monotonic() < until:  # a run that was killed may be leaving it just now
            time.sleep(LOOK_EVERY_S)
            problem = _problem_of_port(host, port)
        if problem:
            raise Stopped(f"{problem} Set {setting} to another.")


def has_mailbox(configuration: Configuration) -> bool:
    """Whether mail goes to this machine's own box: in development, unless a mail server is configured."""
    return configuration.environment == "development" and configuration.smtp_host in LOOPBACK


def _start(
    configuration: Configuration, console: Console, children: list[Child], *, database: ExitStack, demo: bool
) -> None:
    """All of it until it's ready; what runs is in ``children``, in the order in which it's stopped."""
    if has_mailbox(configuration):
        children.append(Child(name="mail box", command=("mailbox",)))
    if configuration.environment == "development":
        children.append(Child(name="sandbox", command=("sandbox",)))
    for child in children:
        start(child)
    with console.status("Starting the database …"):
        from clearbill.cli.database import open_database
        from clearbill.cli.migrate import migrate

        database.enter_context(open_database())
    # the database ends last
    database.enter_context(_stopped_afterwards(children))
    with console.status("Bringing the database up to date …"):
        migrate()
    if demo and configuration.environment == "development":
        _load_demo(configuration, console)
    if configuration.environment == "development":
        _open_sandboxes(configuration)
    with console.status("Starting web and worker …"):
        for name in ("worker", "web"):
            children.insert(0, Child(name=name, command=(name,)))
            start(children[0])
        _wait_until_ready(configuration, children)


@contextmanager
def _stopped_afterwards(children: list[Child]) -> Iterator[None]:
    hurry = threading.Event()
    try:
        yield
    finally:
        _hurry_on_signals(hurry)
        stop_all(children, hurry=hurry)


def _load_demo(configuration: Configuration, console: Console) -> None:
    """The example, into an empty database; one that was interrupted is taken up where it stopped."""
    from clearbill.cli.demo import load
    from clearbill.cli.example import ExampleUnavailable
    from clearbill.sellers.queries import all_sellers

    begun = configuration.data_dir / "demo-begun"
    if all_sellers() and not begun.exists():
        return
    begun.parent.mkdir(parents=True, exist_ok=True)
    begun.touch()
    console.print("The database is empty: loading a year of an example company.")
    try:
        load(console=console)
    except ExampleUnavailable as problem:
        console.print(f"{problem} Going on without the example.", style="yellow")
    begun.unlink()


def _open_sandboxes(configuration: Configuration) -> None:
    """Test sellers take payments at this machine's sandbox."""
    from clearbill.cli.sandbox import sandbox_url
    from clearbill.payments.actions.accounts import open_sandbox
    from clearbill.scope.clock import wall_clock
    from clearbill.sellers.queries import all_sellers

    for seller in all_sellers():
        if seller.is_test:
            open_sandbox(seller.id, base_url=sandbox_url(configuration), at=wall_clock(), actor="cli")


def _wait_until_ready(configuration: Configuration, children: list[Child]) -> None:
    until = time.monotonic() + READY_LIMIT_S
    while not _is_ready(configuration):
        look_after(children, tell=lambda text: click.echo(text, err=True))
        if time.monotonic() > until:
            raise Stopped(f"The web server isn't ready after {READY_LIMIT_S} seconds. The log above says why.")
        time.sleep(LOOK_EVERY_S)


def _is_ready(configuration: Configuration) -> bool:
    host = "127.0.0.1" if configuration.bind in ("0.0.0.0", "::") else configuration.bind  # noqa: S104 - compared only
    request = urllib.request.Request(
        f"http://{f'[{host}]' if ':' in host else host}:{configuration.port}/readyz",
        headers={"Host": urlsplit(configuration.public_url).netloc},
    )
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310 - our own address
            return answer.status == HTTPStatus.OK
    except OSError:
        return False


def _welcome(console: Console, configuration: Configuration) -> None:
    from clearbill.cli.demo import sign_ins

    table = Table.grid(padding=(0, 3))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    url = configuration.public_url.rstrip("/")
    table.add_row("Console", f"{url}/console/")
    table.add_row("API", f"{url}/api/v1/docs")
    if has_mailbox(configuration):
        table.add_row("Mail box", f"http://127.0.0.1:{configuration.mailbox_port}/")
    people = sign_ins() if configuration.environment == "development" else []
    for person in people:
        table.add_row("Sign in", f"{person.email}  {person.password}  [dim]{person.shows}[/dim]")
    if not people:
        table.add_row("Sign in", "with an owner; make one with [bold]clearbill create-owner[/bold]")
    console.print(Panel(table, title="Clearbill is running", subtitle="Ctrl-C stops it", expand=False, padding=(1, 2)))


def _with_public_url(configuration: Configuration) -> Configuration:
    """Links lead to the port that's really served, unless an address is configured."""
    if configuration.public_url != Configuration().public_url or configuration.port == Configuration().port:
        return configuration
    os.environ["CLEARBILL_PUBLIC_URL"] = f"http://127.0.0.1:{configuration.port}"
    return configuration_of_process()


def _problem_of_port(host: str, port: int) -> str | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                return f"Port {port} of {host} is in use by another program."
            return f"Port {port} of {host} can't be used ({problem.strerror})."
    return None


def _stop_on_signals() -> None:
    """Whatever asks this process to end unwinds it like Ctrl-C."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.default_int_handler)


def _hurry_on_signals(hurry: threading.Event) -> None:
    """Asked a second time, while stopping: don't wait any longer."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, lambda *_: hurry.set())
