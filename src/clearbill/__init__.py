"""Clearbill: the billing desk of a SaaS company. Rooms and their directions: docs/architecture.md."""

__version__ = "0.1.0"
