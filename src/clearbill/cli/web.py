"""``clearbill web``: the web server, one process with a bounded pool of threads. Start several behind a proxy."""

from __future__ import annotations

import click

STOP_LIMIT_S = 5


@click.command("web")
@click.option("--with-parent", is_flag=True, hidden=True)
def command(with_parent: bool) -> None:
    """Serve the console, the portal and the API at CLEARBILL_BIND and CLEARBILL_PORT."""
    import uvicorn
    from django.conf import settings

    from clearbill.cli.children import end_with_parent

    if with_parent:
        end_with_parent()
    configuration = settings.CLEARBILL
    if not with_parent:
        click.echo(f"Serving {configuration.public_url} on {configuration.bind}:{configuration.port}", err=True)
    uvicorn.run(
        "clearbill.conf.asgi:application",
        host=configuration.bind,
        port=configuration.port,
        log_config=None,
        log_level="warning",
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,  # CLEARBILL_TRUSTED_PROXIES says whose X-Forwarded-* counts, for peers on this machine too
        timeout_graceful_shutdown=STOP_LIMIT_S,
    )
