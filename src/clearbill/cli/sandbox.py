"""``clearbill sandbox``: the sandbox gateway on this machine, as a server of its own. Moves no money."""

from __future__ import annotations

import logging
import signal
import sys

import click

from clearbill.cli.children import end_with_parent
from clearbill.cli.mailbox_pages import set_django_up
from clearbill.cli.stops import Stopped
from clearbill.conf.config import Configuration, configuration_of_process

HOST = "127.0.0.1"


def sandbox_url(configuration: Configuration) -> str:
    """Where the sandbox of this machine answers."""
    return f"http://{HOST}:{configuration.sandbox_port}"


@click.command("sandbox")
@click.option("--with-parent", is_flag=True, hidden=True)
def command(with_parent: bool) -> None:
    """Answer at CLEARBILL_SANDBOX_PORT until stopped: a gateway for trying, which moves no money."""
    from werkzeug.serving import make_server

    from clearbill.sandbox.events import Postman
    from clearbill.sandbox.server import Sandbox
    from clearbill.sandbox.store import Store
    from clearbill.scope.clock import wall_clock

    if with_parent:
        end_with_parent()
    configuration = configuration_of_process()
    set_django_up()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    store = Store(configuration.data_dir / "sandbox" / "sandbox.sqlite3")
    application = Sandbox(store, url=sandbox_url(configuration), clock=wall_clock)
    try:
        server = make_server(HOST, configuration.sandbox_port, application, threaded=True)
    except (OSError, SystemExit):
        raise Stopped(
            f"The sandbox can't listen at port {configuration.sandbox_port}. Set CLEARBILL_SANDBOX_PORT to a free one."
        ) from None
    postman = Postman(store, clock=application.clock)
    postman.start()
    if not with_parent:
        click.echo(f"Sandbox gateway at {sandbox_url(configuration)}/")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("Stopped.")
    finally:
        postman.stop()
        store.close()
