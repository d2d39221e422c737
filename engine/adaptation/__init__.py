"""Adaptation: fine-tunes a network's decoder to the keyframes of one clip."""
