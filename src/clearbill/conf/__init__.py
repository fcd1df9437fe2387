"""Settings, addresses, and the wiring: which fact wakes which action."""
