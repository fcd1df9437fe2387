"""A seller may demand a second factor of its staff."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sellers", "0002_secure"),
    ]
    operations = [
        migrations.AddField("seller", "mfa_required", models.BooleanField(default=False)),
    ]
