"""Seller scope, roles, the database backend, the clock, ids made now, idempotency records, correlation.

Everything above stands on this room. It knows no table but the idempotency records.
"""
