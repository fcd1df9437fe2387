"""Adapters to those who move money. One folder each; the wire shapes of a provider stay inside its own."""
