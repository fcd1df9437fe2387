"""The checkout: pages on which people pay, from a signed link, without signing in."""
