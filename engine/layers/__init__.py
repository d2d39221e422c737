"""Network layers: pure functions and small modules without memory, file access or recipes."""
