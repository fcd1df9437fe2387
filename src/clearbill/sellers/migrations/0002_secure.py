"""Row-level security and the application role's grants."""

from django.db import migrations

from clearbill.scope.tables import secure


class Migration(migrations.Migration):
    dependencies = [
        ("sellers", "0001_initial"),
    ]
    operations = [
        secure("sellers_tax_rate", append_only=True),
        secure("sellers_number_series", mutable="SELECT, INSERT, UPDATE"),
        secure("sellers_audit_entry", append_only=True),
    ]
