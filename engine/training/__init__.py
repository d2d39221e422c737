"""Training of the default network on films composed of openly licensed pictures and on rendered scenes."""
