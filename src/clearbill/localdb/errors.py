"""The refusals of the embedded database, in one small tree.

    LocalDatabaseError
    ├── BinariesMissing          no usable PostgreSQL programs
    ├── VersionMismatch          the cluster was made by another major version
    ├── RootRefused              root, and no way to become somebody else
    ├── ClusterNotOurs           the cluster belongs to another user
    ├── ClusterMissing           the relocated cluster is gone
    ├── ClusterBusy              something else holds the cluster, or doesn't answer
    ├── ClusterInUse             stop asked for while other processes use it
    ├── StartFailed              PostgreSQL or initdb refused to start
    ├── StopFailed               PostgreSQL did not stop
    ├── LockTimeout              another process starts or stops it for too long
    ├── NotRunning               a question that needs a running server
    ├── UnsafeSettings           fsync, full_page_writes, synchronous_commit or checksums are off
    ├── UnsafeRole               a role has more rights than it may have
    ├── DataFolderRefused        the data folder can't be made or written
    ├── RuntimeFolderRefused     the socket's folder isn't private or isn't ours
    ├── SocketPathTooLong        the socket's path is over 107 bytes
    └── DatabaseNameRefused      a database can't be created, cloned or dropped under this name

Every one carries a stable `code` and a sentence that says what to do. Nothing here is translated:
whoever shows it to a person words it by its code.
"""

from typing import ClassVar

OWN_SERVER_HINT = "set CLEARBILL_OWNER_URL and CLEARBILL_DATABASE_URL to use a PostgreSQL server of your own instead"


class LocalDatabaseError(Exception):
    """The embedded database refuses; the message says why and what to do."""

    code: ClassVar[str] = "localdb"


class BinariesMissing(LocalDatabaseError):
    code = "localdb_binaries_missing"


class VersionMismatch(LocalDatabaseError):
    code = "localdb_version_mismatch"


class RootRefused(LocalDatabaseError):
    code = "localdb_root_refused"


class ClusterNotOurs(LocalDatabaseError):
    code = "localdb_cluster_not_ours"


class ClusterMissing(LocalDatabaseError):
    code = "localdb_cluster_missing"


class ClusterBusy(LocalDatabaseError):
    code = "localdb_cluster_busy"


class ClusterInUse(LocalDatabaseError):
    code = "localdb_cluster_in_use"


class StartFailed(LocalDatabaseError):
    code = "localdb_start_failed"


class StopFailed(LocalDatabaseError):
    code = "localdb_stop_failed"


class LockTimeout(LocalDatabaseError):
    code = "localdb_lock_timeout"


class NotRunning(LocalDatabaseError):
    code = "localdb_not_running"


class UnsafeSettings(LocalDatabaseError):
    code = "localdb_unsafe_settings"


class UnsafeRole(LocalDatabaseError):
    code = "localdb_unsafe_role"


class DataFolderRefused(LocalDatabaseError):
    code = "localdb_data_folder_refused"


class RuntimeFolderRefused(LocalDatabaseError):
    code = "localdb_runtime_folder_refused"


class SocketPathTooLong(LocalDatabaseError):
    code = "localdb_socket_path_too_long"


class DatabaseNameRefused(LocalDatabaseError):
    code = "localdb_database_name_refused"
