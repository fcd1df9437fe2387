"""Pure decisions: what a customer owes, when, and why.

Nothing here reads a clock, a database, a file or a random number; everything arrives as an argument and leaves as a
value. The same functions therefore serve quote, preview, invoice, explanation and replay.
"""
