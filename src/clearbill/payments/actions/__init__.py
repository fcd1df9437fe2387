"""Payments' verbs. A gateway is never called inside a transaction: before, call, after are three steps."""
