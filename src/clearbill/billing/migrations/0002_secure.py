"""Row-level security and the application role's grants."""

from django.db import migrations

from clearbill.scope.tables import secure


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0001_initial"),
    ]
    operations = [
        secure("billing_invoice", append_only=True),
        secure("billing_invoice_line", append_only=True),
        secure("billing_invoice_tax", append_only=True),
        secure("billing_credit_note", append_only=True),
        secure("billing_credit_note_line", append_only=True),
        secure("billing_document_file", append_only=True),
        secure("billing_subscription", mutable="SELECT, INSERT, UPDATE"),
        secure("billing_invoice_state", mutable="SELECT, INSERT, UPDATE"),
        secure("billing_draft"),
        secure("billing_deferral", mutable="SELECT, INSERT, UPDATE"),
        secure("billing_parked", mutable="SELECT, INSERT, UPDATE"),
        secure("billing_import_run", mutable="SELECT, INSERT, UPDATE"),
    ]
