"""Output of results to files: mattes, label images and probabilities, and their outlines."""
