"""Training wing: openly licensed pictures, films composed from them, and learning from those films."""
