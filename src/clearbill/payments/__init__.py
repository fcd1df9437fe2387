"""How money comes in: payments and their attempts, methods, refunds, gateways, bank statements."""
