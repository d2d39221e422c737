"""Memory of a network: tokens, entries, stores, and the bank that joins them."""
