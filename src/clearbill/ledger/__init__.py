"""Append postings, read balances and the journal."""
