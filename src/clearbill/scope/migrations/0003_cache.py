"""The table of the shared cache. It has no model: only ``scope.shared_cache`` knows it."""

from django.db import migrations

FORWARDS = """
CREATE TABLE scope_cache (
    key varchar(300) PRIMARY KEY,
    value text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX scope_cache_by_expiry ON scope_cache (expires_at);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("scope", "0002_secure"),
    ]
    operations = [
        migrations.RunSQL(FORWARDS, migrations.RunSQL.noop),
    ]
