"""Who bills: legal entities, users and roles, API keys, tax rates, numbering, audit trail."""
