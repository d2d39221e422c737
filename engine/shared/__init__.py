"""Shared by the engine and the add-on: data types, errors, files; standard library and numpy only."""
