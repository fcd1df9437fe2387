"""Row-level security and the application role's grants."""

from django.db import migrations

from clearbill.scope.tables import secure


class Migration(migrations.Migration):
    dependencies = [
        ("pricing", "0001_initial"),
    ]
    operations = [
        secure("pricing_meter", append_only=True),
        secure("pricing_plan_version", append_only=True),
        secure("pricing_price", append_only=True),
        secure("pricing_plan", mutable="SELECT, INSERT, UPDATE"),
    ]
