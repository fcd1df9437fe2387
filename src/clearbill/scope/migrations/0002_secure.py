"""Row-level security and the application role's grants."""

from django.db import migrations

from clearbill.scope.tables import secure


class Migration(migrations.Migration):
    dependencies = [
        ("scope", "0001_initial"),
    ]
    operations = [
        secure("scope_idempotency", append_only=True),
    ]
