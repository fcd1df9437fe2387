"""Facts: what became true, saved in the transaction that made it true, then passed on to listeners."""
