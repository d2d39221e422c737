"""Files with splines for other programs: a model that none of them owns, its writers and its readers."""
