"""Row-level security and the application role's grants."""

from django.db import migrations

from clearbill.scope.tables import secure


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0001_initial"),
    ]
    operations = [
        secure("customers_customer", mutable="SELECT, INSERT, UPDATE"),
        secure("customers_sign_in_link"),
    ]
