"""Drafts that can't become final wait for a person; quantities keep all their digits; two may make a month at once."""

import django.db.models.deletion
from django.db import migrations, models

import clearbill.billing.models.final

FORWARDS = """
CREATE OR REPLACE FUNCTION usage_partition(month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    first date := date_trunc('month', month)::date;
    name text := 'usage_event_' || to_char(month, 'YYYYMM');
BEGIN
    IF first < date '1990-01-01' OR first > date '2200-01-01' THEN
        RAISE EXCEPTION 'month % is out of range', first;
    END IF;
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('usage_partition'));
    -- whoever held the lock may have made it, and to_regclass still remembers that it wasn't there
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF usage_event FOR VALUES FROM (%L) TO (%L)',
        name, first::text || ' 00:00:00+00', (first + interval '1 month')::date::text || ' 00:00:00+00');
END $$;

CREATE OR REPLACE FUNCTION sellers_with_due_work(until timestamptz) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT s.id FROM sellers_seller s
    WHERE EXISTS (SELECT 1 FROM billing_subscription b WHERE b.seller_id = s.id
                  AND b.due_at IS NOT NULL AND b.due_at <= COALESCE(s.test_clock_at, until)
                  AND NOT EXISTS (SELECT 1 FROM billing_parked p
                                  WHERE p.subscription_id = b.id AND p.resolved_at IS NULL))
       OR EXISTS (SELECT 1 FROM billing_draft d WHERE d.seller_id = s.id
                  AND d.finalize_at <= COALESCE(s.test_clock_at, until)
                  AND NOT EXISTS (SELECT 1 FROM billing_parked p
                                  WHERE p.id = d.parked_id AND p.resolved_at IS NULL))
       OR EXISTS (SELECT 1 FROM billing_deferral f WHERE f.seller_id = s.id
                  AND f.due_at IS NOT NULL AND f.due_at <= COALESCE(s.test_clock_at, until))
       OR EXISTS (SELECT 1 FROM mail_message m WHERE m.seller_id = s.id AND m.state IN ('queued', 'sending')
                  AND (m.next_try_at IS NULL OR m.next_try_at <= until))
$$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0003_usage_and_due_work"),
    ]
    operations = [
        migrations.AddField(
            model_name="draft",
            name="parked",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="billing.parked"),
        ),
        migrations.AlterField(
            model_name="invoiceline",
            name="quantity",
            field=clearbill.billing.models.final.Quantity(max_digits=1000, decimal_places=500),
        ),
        migrations.RunSQL(FORWARDS, migrations.RunSQL.noop),
    ]
