"""What an invoice and a credit note say: frozen as JSON, put into words, drawn as PDF."""
