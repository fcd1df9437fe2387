"""One way out for every message: templates, languages, notification log."""
