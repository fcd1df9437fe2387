"""The airlines example: a year of real flights becomes a year of bills. See README.md."""
