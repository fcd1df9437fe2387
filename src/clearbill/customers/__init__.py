"""Who pays: accounts, contacts, tax ids, parents and children, and the links that let them in."""
