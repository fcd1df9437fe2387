"""`python -m clearbill.localdb start|stop|status|psql-url --data DIR`, for operators.

Exit codes: 0 done (or running), 1 refused, 3 not running.
"""

import argparse
import sys
from pathlib import Path

from clearbill.localdb import server
from clearbill.localdb.databases import DATABASE
from clearbill.localdb.errors import LocalDatabaseError

NOT_RUNNING = 3


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        return _run(arguments)
    except LocalDatabaseError as refusal:
        print(f"{refusal.code}: {refusal}", file=sys.stderr)
        return 1


def _run(arguments: argparse.Namespace) -> int:
    data_dir = Path(str(arguments.data))
    if arguments.verb == "start":
        binaries = Path(str(arguments.binaries)) if arguments.binaries else None
        runtime_dir = Path(str(arguments.runtime)) if arguments.runtime else None
        server.start(data_dir, runtime_dir=runtime_dir, binaries=binaries, standing=True)
        return _print_status(data_dir)
    if arguments.verb == "stop":
        return 0 if server.stop(data_dir, force=bool(arguments.force)) else NOT_RUNNING
    if arguments.verb == "psql-url":
        ask = server.app_url if arguments.app else server.owner_url
        print(ask(data_dir, database=str(arguments.database)))
        return 0
    return _print_status(data_dir)


def _print_status(data_dir: Path) -> int:
    found = server.status(data_dir)
    print(f"data     {found.data_dir}")
    print(f"cluster  {found.cluster}")
    if found.pid is None:
        print("server   not running")
        return NOT_RUNNING
    print(f"server   process {found.pid}")
    print(f"socket   {found.socket_dir}")
    print(f"used by  {', '.join(found.holders) or 'nobody'}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m clearbill.localdb", description="The embedded PostgreSQL")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, meaning in (
        ("start", "start it and leave it running until stop"),
        ("stop", "shut it down"),
        ("status", "does it run, where, who uses it"),
        ("psql-url", "print the URL for psql"),
    ):
        sub = verbs.add_parser(verb, help=meaning)
        sub.add_argument("--data", required=True, metavar="DIR", help="the data folder")
        if verb == "start":
            sub.add_argument("--binaries", metavar="DIR", help="a bin folder of PostgreSQL 15 to 18")
            sub.add_argument("--runtime", metavar="DIR", help="the private folder of the socket")
        if verb == "stop":
            sub.add_argument("--force", action="store_true", help="although processes use it")
        if verb == "psql-url":
            sub.add_argument("--database", default=DATABASE)
            sub.add_argument("--app", action="store_true", help="as the application, not as the owner")
    return parser


if __name__ == "__main__":
    sys.exit(main())
