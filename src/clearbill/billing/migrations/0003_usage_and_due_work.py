"""Usage tables (keys in one table, events in partitions by month), and the two functions that look beyond a scope.

``usage_partition`` makes a month's partition; it belongs to the owner, since the application may not make tables.
``sellers_with_due_work`` tells which sellers have something due; it gives ids and nothing else.
"""

from django.db import migrations

from clearbill.scope.tables import owner_functions, secure

FORWARDS = """
CREATE TABLE usage_key (
    seller_id uuid NOT NULL,
    key_hash bytea NOT NULL CHECK (octet_length(key_hash) = 16),
    body_hash bytea NOT NULL CHECK (octet_length(body_hash) = 16),
    at timestamptz NOT NULL,
    PRIMARY KEY (seller_id, key_hash)
);
CREATE TABLE usage_event (
    seller_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    type varchar(64) NOT NULL,
    key varchar(255) NOT NULL,
    key_hash bytea NOT NULL,
    at timestamptz NOT NULL,
    properties jsonb NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (seller_id, at, key_hash)
) PARTITION BY RANGE (at);
CREATE INDEX usage_event_by_customer ON usage_event (seller_id, customer_id, type, at);

CREATE FUNCTION usage_partition(month date) RETURNS void
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
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF usage_event FOR VALUES FROM (%L) TO (%L)',
            name, first::text || ' 00:00:00+00', (first + interval '1 month')::date::text || ' 00:00:00+00');
    END IF;
END $$;

CREATE FUNCTION sellers_with_due_work(until timestamptz) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT s.id FROM sellers_seller s
    WHERE EXISTS (SELECT 1 FROM billing_subscription b WHERE b.seller_id = s.id
                  AND b.due_at IS NOT NULL AND b.due_at <= COALESCE(s.test_clock_at, until)
                  AND NOT EXISTS (SELECT 1 FROM billing_parked p
                                  WHERE p.subscription_id = b.id AND p.resolved_at IS NULL))
       OR EXISTS (SELECT 1 FROM billing_draft d WHERE d.seller_id = s.id
                  AND d.finalize_at <= COALESCE(s.test_clock_at, until))
       OR EXISTS (SELECT 1 FROM billing_deferral f WHERE f.seller_id = s.id
                  AND f.due_at IS NOT NULL AND f.due_at <= COALESCE(s.test_clock_at, until))
       OR EXISTS (SELECT 1 FROM mail_message m WHERE m.seller_id = s.id AND m.state IN ('queued', 'sending')
                  AND (m.next_try_at IS NULL OR m.next_try_at <= until))
$$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0002_secure"),
        ("mail", "0002_secure"),
        ("sellers", "0002_secure"),
    ]
    operations = [
        migrations.RunSQL(FORWARDS, migrations.RunSQL.noop),
        secure("usage_key", mutable="SELECT, INSERT"),
        secure("usage_event", mutable="SELECT, INSERT"),
        owner_functions("usage_partition(date)", "sellers_with_due_work(timestamptz)"),
    ]
