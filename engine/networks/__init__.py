"""Networks: each is four verbs (encode, segment, memorize, settle) over parts from `layers`."""
