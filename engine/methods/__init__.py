"""Methods: recipes that combine a network, a memory and default settings; one module per family."""
