"""Output of results to files: mattes, label images, probabilities and outlines."""
