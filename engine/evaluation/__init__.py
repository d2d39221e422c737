"""Evaluation: scores, benchmarks, and a study that compares the default recipe with baselines."""
