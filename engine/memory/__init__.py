"""What networks remember: tokens, entries, stores, and the bank that joins them."""
