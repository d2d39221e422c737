"""Adaptation: fine-tuning of a network's decoder to the keyframes of one clip."""
