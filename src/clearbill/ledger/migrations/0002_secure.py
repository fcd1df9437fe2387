"""Row-level security and the application role's grants."""

from django.db import migrations

from clearbill.scope.tables import secure


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0001_initial"),
    ]
    operations = [
        secure("ledger_transaction", append_only=True),
        secure("ledger_posting", append_only=True),
    ]
