"""Part 1 of the mission: usage intake, subscriptions, bill run, invoices, credit notes, documents."""
