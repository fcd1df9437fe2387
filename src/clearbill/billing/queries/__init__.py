"""The reads of billing, one family a file."""
