"""Media files: reading movies and image sequences, reading and writing label images and mattes."""
