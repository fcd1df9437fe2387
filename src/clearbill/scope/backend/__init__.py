"""Django's PostgreSQL backend with foreign keys that are checked at once (NOT DEFERRABLE).

Deferred constraints are silently lost by some distributed PostgreSQL set-ups, and a refusal at the statement that
caused it is easier to read than one at commit.
"""
