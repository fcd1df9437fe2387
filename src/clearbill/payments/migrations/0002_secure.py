"""Row-level security and the application role's grants."""

from django.db import migrations

from clearbill.scope.tables import owner_functions, secure

DUE = """
CREATE FUNCTION sellers_with_payments_due(until timestamptz) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT seller_id FROM payments_attempt_state WHERE check_at <= until
    UNION SELECT seller_id FROM payments_refund WHERE check_at <= until
    UNION SELECT seller_id FROM payments_gateway_event WHERE done_at IS NULL
$$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0001_initial"),
    ]
    operations = [
        secure("payments_gateway_account", mutable="SELECT, INSERT, UPDATE"),
        secure("payments_method", mutable="SELECT, INSERT, UPDATE"),
        secure("payments_payment", mutable="SELECT, INSERT, UPDATE"),
        secure("payments_share", mutable="SELECT, INSERT, UPDATE"),
        secure("payments_attempt", append_only=True),
        secure("payments_attempt_state", mutable="SELECT, INSERT, UPDATE"),
        secure("payments_movement", append_only=True),
        secure("payments_refund", mutable="SELECT, INSERT, UPDATE"),
        secure("payments_gateway_event", mutable="SELECT, INSERT, UPDATE"),
        migrations.RunSQL(DUE, "DROP FUNCTION sellers_with_payments_due(timestamptz)"),
        owner_functions("sellers_with_payments_due(timestamptz)"),
    ]
