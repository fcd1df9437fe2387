"""The verbs of billing, one transaction each, one family a file."""
