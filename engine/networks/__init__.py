"""Networks: each is five verbs, see `network`, over parts from `layers`."""
