"""Account of quality: signals of each matte, and the probability that an artist would leave it as it is."""
