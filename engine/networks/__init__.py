"""Networks: each is five verbs (encode, segment, refer, memorize, settle) over parts from `layers`."""
