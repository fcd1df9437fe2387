"""Row-level security and the application role's grants."""

from django.db import migrations

from clearbill.scope.tables import secure


class Migration(migrations.Migration):
    dependencies = [
        ("mail", "0001_initial"),
    ]
    operations = [
        secure("mail_message", mutable="SELECT, INSERT, UPDATE"),
    ]
