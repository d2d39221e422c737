"""Output: mattes, label images, probabilities and outlines on disk."""
