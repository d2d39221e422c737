"""Published benchmarks: their layouts on disk, running a recipe over them, and scoring by their official rules."""
