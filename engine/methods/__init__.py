"""Methods: which network runs with which memories, under which numbers; one module per family."""
