"""The sandbox: a gateway that moves no money, as a server of its own. For demos, tests, and trying an integration.

It stands alone like any provider would: Clearbill speaks to it over HTTP only, and it knows nothing of Clearbill's tables.
Card numbers are typed into its pages and go no further than its memory: it keeps what a test number does, never the number.
"""
