"""Parts of networks: pure functions and small modules that know neither memory, files nor recipes."""
