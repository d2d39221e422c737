"""Output: mattes, label images, probabilities and outlines, written to disk."""
