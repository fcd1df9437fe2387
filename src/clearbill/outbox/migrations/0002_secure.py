"""Row-level security and the application role's grants."""

from django.db import migrations

from clearbill.scope.tables import secure


class Migration(migrations.Migration):
    dependencies = [
        ("outbox", "0001_initial"),
    ]
    operations = [
        secure("outbox_fact", append_only=True),
    ]
