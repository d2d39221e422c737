"""What is needed to give the extension to others; it is not part of the extension."""
