"""The database wrapper that Django looks for: ``ENGINE = "clearbill.scope.backend"``."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.backends.postgresql.schema import DatabaseSchemaEditor


class ImmediateOperations(DatabaseOperations):
    """Writes no DEFERRABLE clause."""

    def deferrable_sql(self) -> str:
        return ""


class ImmediateSchemaEditor(DatabaseSchemaEditor):
    """Adds foreign keys that are checked at once."""

    sql_create_fk = DatabaseSchemaEditor.sql_create_fk.replace("%(deferrable)s", "")
    sql_create_column_inline_fk = None

    def _create_fk_sql(self, model: Any, field: Any, suffix: str) -> Any:
        statement = super()._create_fk_sql(model, field, suffix)
        statement.parts["deferrable"] = ""
        return statement


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, with the two classes above."""

    SchemaEditorClass = ImmediateSchemaEditor
    ops_class = ImmediateOperations

    def check_constraints(self, table_names: Any = None) -> None:
        """Nothing is deferred, so nothing waits to be checked."""
